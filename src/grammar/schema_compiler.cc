#include "grammar/schema_compiler.h"

#include <algorithm>
#include <set>

namespace ondol {
namespace {

namespace json = boost::json;

// Keywords that say something about values of one type, for schemas that leave `type` out.
TypeSet types_spoken_of(const json::object& schema) {
  TypeSet out = 0;
  for (const auto& [key, value] : schema) {
    if (key == "properties" || key == "required" || key == "additionalProperties" || key == "patternProperties" || key == "minProperties" ||
        key == "maxProperties" || key == "propertyNames") {
      out |= kObject;
    } else if (key == "items" || key == "prefixItems" || key == "minItems" || key == "maxItems") {
      out |= kArray;
    } else if (key == "pattern" || key == "minLength" || key == "maxLength" || key == "format") {
      out |= kString;
    } else if (key == "minimum" || key == "maximum" || key == "exclusiveMinimum" || key == "exclusiveMaximum" || key == "multipleOf") {
      out |= kInteger | kFraction;
    }
  }
  return out;
}

}  // namespace

Result<RuleId> SchemaCompiler::compile() {
  ONDOL_TRY(SchemaDoc doc, SchemaDoc::open(root_, b_.budget()));
  doc_.emplace(std::move(doc));
  ONDOL_TRY(const RuleId start, rule_for(std::vector<SchemaPart>{doc_->root()}));
  while (!jobs_.empty()) {
    const Job job = std::move(jobs_.back());
    jobs_.pop_back();
    ONDOL_TRY_STATUS(b_.check());
    ONDOL_TRY_STATUS(fill(job));
  }
  ONDOL_TRY_STATUS(check_circles());
  return start;
}

Result<RuleId> SchemaCompiler::rule_for(std::vector<SchemaPart> parts) {
  ONDOL_TRY(Conjunction schema, doc_->flatten(std::move(parts)));
  return rule_for(std::move(schema));
}

Result<RuleId> SchemaCompiler::rule_for(Conjunction schema) {
  if (schema.never) return b_.rule();  // no edge leads to its exit
  if (schema.parts.empty()) return json_.any_value();
  std::vector<std::pair<const json::value*, uint8_t>> key;
  for (const SchemaPart& part : schema.parts) key.emplace_back(part.schema, part.done);
  std::sort(key.begin(), key.end());
  const auto [at, fresh] = rules_.try_emplace(std::move(key), 0);
  if (fresh) {
    at->second = b_.rule();
    places_[at->second] = schema.at();
    jobs_.push_back({at->second, std::move(schema)});
  }
  return at->second;
}

Status SchemaCompiler::fill(const Job& job) {
  for (size_t i = 0; i < job.schema.parts.size(); ++i) {
    const SchemaPart& part = job.schema.parts[i];
    if ((part.done & SchemaPart::kAnyOfDone) == 0 && part.find("anyOf") != nullptr) return fill_choice(job, i, false);
    if ((part.done & SchemaPart::kOneOfDone) == 0 && part.find("oneOf") != nullptr) return fill_choice(job, i, true);
  }
  ONDOL_TRY(const auto values, values_of(job.schema));
  if (values) {
    ONDOL_TRY(const auto texts, allowed_texts(job.schema, *values));
    return fill_values(job.rule, texts);
  }
  ONDOL_TRY(const TypeSet types, types_of(job.schema));
  return fill_types(job, types);
}

Status SchemaCompiler::fill_choice(const Job& job, size_t part, bool one) {
  const SchemaPart& chosen = job.schema.parts[part];
  const std::string_view keyword = one ? "oneOf" : "anyOf";
  ONDOL_TRY(const json::array* branches, array_keyword(chosen, keyword));
  if (branches->empty()) return schema_error(chosen.at, keyword, "must not be empty");
  if (one) ONDOL_TRY_STATUS(check_disjoint(chosen, *branches));
  std::vector<std::string> texts;  // of all branches that list values: together they make one rule
  for (size_t i = 0; i < branches->size(); ++i) {
    ONDOL_TRY_STATUS(b_.check());
    std::vector<SchemaPart> parts = job.schema.parts;
    parts[part].done |= one ? SchemaPart::kOneOfDone : SchemaPart::kAnyOfDone;
    parts.push_back(chosen.below(*branches, keyword, i));
    ONDOL_TRY(Conjunction schema, doc_->flatten(std::move(parts)));
    const bool open = std::ranges::any_of(schema.parts, [](const SchemaPart& p) {
      return ((p.done & SchemaPart::kAnyOfDone) == 0 && p.find("anyOf") != nullptr) ||
             ((p.done & SchemaPart::kOneOfDone) == 0 && p.find("oneOf") != nullptr);
    });
    if (!open && !schema.never) {
      ONDOL_TRY(const auto values, values_of(schema));
      if (values) {
        ONDOL_TRY(const auto more, allowed_texts(schema, *values));
        texts.insert(texts.end(), more.begin(), more.end());
        continue;
      }
    }
    ONDOL_TRY(const RuleId rule, rule_for(std::move(schema)));
    choices_.emplace_back(job.rule, rule);
    b_.call(b_.entry(job.rule), rule, b_.exit(job.rule));
  }
  return fill_values(job.rule, texts);
}

// A choice whose branch leads back to the choice, with no byte in between, would never come to an end.
Status SchemaCompiler::check_circles() const {
  std::set<std::pair<RuleId, RuleId>> edges(choices_.begin(), choices_.end());
  for (size_t before = edges.size() + 1; edges.size() < before;) {
    before = edges.size();
    ONDOL_TRY_STATUS(b_.budget().check_time());
    std::erase_if(edges, [&](const auto& edge) {
      const auto next = edges.lower_bound({edge.second, 0});
      return next == edges.end() || next->first != edge.second;
    });
  }
  if (edges.empty()) return {};
  return schema_error(places_.at(edges.begin()->first), "$ref",
                      "a branch of anyOf or oneOf leads back to itself without a value in between");
}

Result<TypeSet> SchemaCompiler::types_of(const Conjunction& schema) const {
  TypeSet types = kAnyType;
  TypeSet spoken_of = 0;
  bool typed = false;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const TypeSet here, type_keyword(part));
    types &= here;
    typed = typed || part.find("type") != nullptr;
    spoken_of |= types_spoken_of(part.object());
  }
  return typed || spoken_of == 0 ? types : spoken_of;
}

Status SchemaCompiler::fill_types(const Job& job, TypeSet types) {
  const NodeId entry = b_.entry(job.rule);
  const NodeId exit = b_.exit(job.rule);
  const auto call = [&](RuleId rule) { b_.call(entry, rule, exit); };
  if ((types & kNull) != 0) b_.literal(entry, "null", exit);
  if ((types & kBoolean) != 0) call(json_.boolean());
  if ((types & kInteger) != 0) {
    ONDOL_TRY(const RuleId rule, number_rule(job.schema, (types & kFraction) == 0));
    call(rule);
  }
  if ((types & kString) != 0) {
    ONDOL_TRY(const RuleId rule, string_rule(job.schema));
    call(rule);
  }
  if ((types & kArray) != 0) {
    const RuleId rule = b_.rule(true);
    ONDOL_TRY_STATUS(fill_array(rule, job.schema));
    call(rule);
  }
  if ((types & kObject) != 0) {
    const RuleId rule = b_.rule(true);
    ONDOL_TRY_STATUS(fill_object(rule, job.schema));
    call(rule);
  }
  return {};
}

}  // namespace ondol
