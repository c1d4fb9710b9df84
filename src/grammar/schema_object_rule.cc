// The rule of an object, once it is known what may stand in it.
#include <algorithm>

#include "grammar/schema_compiler.h"

namespace ondol {
namespace {

// The members written so far matter only up to the bounds; 0 everywhere if nothing is to be counted.
class ObjectWriter {
 public:
  ObjectWriter(AutomatonBuilder& builder, JsonRules& json, uint64_t min, std::optional<uint64_t> max)
      : b_(builder), json_(json), min_(min), max_(max), most_(max.value_or(min)) {}

  // The count after one member more; nothing if that is one too many.
  std::optional<uint64_t> after(uint64_t count) const {
    if (max_ && count >= *max_) return std::nullopt;
    return std::min(count + 1, most_);
  }
  bool enough(uint64_t count) const { return count >= min_; }
  uint64_t counts() const { return most_ + 1; }

  // Nodes in front of the property at `row` for each count: where a comma may come, and where the name begins.
  struct Row {
    std::vector<NodeId> behind;  // a member came just before
    std::vector<NodeId> before;  // behind the comma
  };
  Row row() {
    Row out;
    for (uint64_t count = 0; count < counts(); ++count) {
      out.behind.push_back(b_.node());
      out.before.push_back(b_.node());
      b_.call(b_.after(out.behind.back(), ","), json_.space(), out.before.back());
    }
    return out;
  }

 private:
  AutomatonBuilder& b_;
  JsonRules& json_;
  uint64_t min_;
  std::optional<uint64_t> max_;
  uint64_t most_;
};

}  // namespace

Status SchemaCompiler::write_object(RuleId rule, const ObjectShape& shape) {
  ObjectWriter writer(b_, json_, shape.min, shape.max);
  const NodeId opened = b_.after(b_.entry(rule), "{");
  const NodeId closing = b_.node();
  b_.byte(b_.after(closing, json_.space()), '}', b_.exit(rule));
  const bool none_required = std::ranges::none_of(shape.properties, &Property::required);
  if (none_required && shape.min == 0) b_.free(opened, closing);

  ObjectWriter::Row row = writer.row();
  b_.call(opened, json_.space(), row.before[0]);
  for (const Property& property : shape.properties) {
    const ObjectWriter::Row next = writer.row();
    const RuleId member = b_.rule();
    ONDOL_TRY(const RuleId value, rule_for(property.schemas));
    const NodeId named = b_.after(b_.entry(member), json_quoted(property.name));
    b_.call(b_.after(named, json_.colon()), value, b_.exit(member));
    for (uint64_t count = 0; count < writer.counts(); ++count) {
      if (const auto more = writer.after(count)) b_.call(row.before[count], member, next.behind[*more]);
      if (property.required) continue;
      b_.free(row.before[count], next.before[count]);
      b_.free(row.behind[count], next.behind[count]);
    }
    row = next;
    ONDOL_TRY_STATUS(b_.check());
  }
  for (uint64_t count = 0; count < writer.counts(); ++count) {
    if (writer.enough(count)) b_.free(row.behind[count], closing);
  }
  if (shape.extra.empty()) return {};

  const RuleId member = b_.rule();
  for (const auto& [key, value] : shape.extra) {
    b_.call(b_.after(b_.after(b_.entry(member), key), json_.colon()), value, b_.exit(member));
  }
  // Other keys may repeat each other, so any number of them surely counts as one towards the least number, and fully towards the most.
  for (uint64_t known = 0; known < writer.counts(); ++known) {
    const bool enough = writer.enough(known + 1);
    NodeId before = row.before[known];
    std::optional<uint64_t> count = known;
    while ((count = writer.after(*count))) {
      const NodeId behind = b_.after(before, member);
      if (enough) b_.free(behind, closing);
      before = b_.after(b_.after(behind, ","), json_.space());
      if (!shape.max) {
        b_.call(before, member, behind);
        break;
      }
      ONDOL_TRY_STATUS(b_.check());
    }
  }
  return {};
}

}  // namespace ondol
