// Arrays of a schema.
#include <algorithm>

#include "grammar/schema_compiler.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr uint64_t kMaxItems = 4096;  // beyond the least number; a larger maxItems counts as this

}  // namespace

// The rule for the item at `index`, or for all items behind every prefix.
Result<RuleId> SchemaCompiler::item_rule(const Conjunction& schema, std::optional<size_t> index) {
  std::vector<SchemaPart> parts;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const json::array* prefix, array_keyword(part, "prefixItems"));
    if (index && prefix != nullptr && *index < prefix->size()) {
      parts.push_back(part.below(*prefix, "prefixItems", *index));
    } else if (part.find("items") != nullptr) {
      parts.push_back(part.below("items"));
    }
  }
  return rule_for(std::move(parts));
}

Status SchemaCompiler::fill_array(RuleId rule, const Conjunction& schema) {
  uint64_t min = 0;
  std::optional<uint64_t> max;
  uint64_t prefix = 0;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const auto least, count_keyword(part, "minItems"));
    ONDOL_TRY(const auto most, count_keyword(part, "maxItems"));
    ONDOL_TRY(const json::array* items, array_keyword(part, "prefixItems"));
    if (least) min = std::max(min, *least);
    if (most) max = std::min(max.value_or(*most), *most);
    if (items != nullptr) prefix = std::max<uint64_t>(prefix, items->size());
  }
  if (max && min > *max) return schema_error(schema.at(), "minItems", "is larger than maxItems: no array satisfies both");
  if (min > b_.budget().limits().max_nodes) return schema_error(schema.at(), "minItems", "is too large");
  const uint64_t last = max ? std::min(*max, std::max(min, prefix) + kMaxItems) : std::max({min, prefix, uint64_t{1}});

  const NodeId opened = b_.after(b_.entry(rule), "[");
  const NodeId closing = b_.node();
  b_.byte(b_.after(closing, json_.space()), ']', b_.exit(rule));
  if (min == 0) b_.free(opened, closing);
  NodeId behind = opened;
  NodeId before = opened;
  ONDOL_TRY(const RuleId rest, item_rule(schema, std::nullopt));
  for (uint64_t i = 0; i < last; ++i) {
    before = b_.after(i == 0 ? behind : b_.after(behind, ","), json_.space());
    RuleId item = rest;
    if (i < prefix) {
      ONDOL_TRY(item, item_rule(schema, i));
    }
    behind = b_.after(before, item);
    if (i + 1 >= min) b_.free(behind, closing);
    ONDOL_TRY_STATUS(b_.check());
  }
  if (max) return {};
  // Any number more.
  const NodeId more = b_.after(b_.after(behind, ","), json_.space());
  b_.call(more, rest, behind);
  return {};
}

}  // namespace ondol
