// Objects of a schema: what may stand in one, put together from all schemas that hold for it.
#include <algorithm>
#include <set>

#include "grammar/regex.h"
#include "grammar/schema_compiler.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr size_t kMaxPatterns = 4;  // of one object's keys; their combinations are written out
constexpr uint64_t kMaxCounted = 64;

bool starts_open(const Conjunction& schema) {
  bool names = false;
  for (const SchemaPart& part : schema.parts) {
    if (part.find("additionalProperties") != nullptr) return true;
    const json::value* properties = part.find("properties");
    names = names || (properties != nullptr && properties->is_object() && !properties->get_object().empty());
    names = names || part.find("patternProperties") != nullptr;
  }
  return !names;
}

}  // namespace

Status SchemaCompiler::fill_object(RuleId rule, const Conjunction& schema) {
  ONDOL_TRY(const ObjectShape shape, object_shape(schema));
  return shape.never ? Status{} : write_object(rule, shape);
}

Result<SchemaCompiler::ObjectShape> SchemaCompiler::object_shape(const Conjunction& schema) {
  ObjectShape shape;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const auto least, count_keyword(part, "minProperties"));
    ONDOL_TRY(const auto most, count_keyword(part, "maxProperties"));
    if (least) shape.min = std::max(shape.min, *least);
    if (most) shape.max = std::min(shape.max.value_or(*most), *most);
  }
  ONDOL_TRY_STATUS(add_properties(schema, shape));
  ONDOL_TRY_STATUS(add_extra(schema, shape));
  const auto required = static_cast<uint64_t>(std::ranges::count(shape.properties, true, &Property::required));
  if (shape.min <= required) shape.min = 0;
  if (shape.max && *shape.max < required) shape.never = true;
  if (shape.max && shape.extra.empty() && *shape.max >= shape.properties.size()) shape.max.reset();
  if (shape.min > kMaxCounted || (shape.max && *shape.max > kMaxCounted)) {
    return schema_error(schema.at(), shape.min > kMaxCounted ? "minProperties" : "maxProperties", "above 64 is not supported here");
  }
  return shape;
}

Result<const json::object*> SchemaCompiler::patterns_of(const SchemaPart& part) {
  ONDOL_TRY(const json::object* patterns, object_keyword(part, "patternProperties"));
  return patterns != nullptr && !patterns->empty() ? patterns : nullptr;
}

Result<const SchemaCompiler::Pattern*> SchemaCompiler::pattern(const SchemaPart& part, std::string_view text) {
  const auto [at, fresh] = patterns_.try_emplace(std::string(text));
  if (fresh) {
    auto narrow = compile_regex(text, RegexUse::kSearch, false, b_.budget());
    if (!narrow) return schema_error(part.at, "patternProperties", narrow.error());
    auto wide = compile_regex(text, RegexUse::kSearch, true, b_.budget());
    if (!wide) return schema_error(part.at, "patternProperties", wide.error());
    at->second = {std::string(text), std::move(*narrow), std::move(*wide)};
  }
  return &at->second;
}

// The named properties in the order of the schemas, then names that are only required.
Status SchemaCompiler::add_properties(const Conjunction& schema, ObjectShape& shape) {
  std::map<std::string, size_t, std::less<>> index;
  const auto property = [&](std::string_view name) -> Property& {
    const auto [at, fresh] = index.try_emplace(std::string(name), shape.properties.size());
    if (fresh) shape.properties.push_back({std::string(name), false, {}});
    return shape.properties[at->second];
  };
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const json::object* properties, object_keyword(part, "properties"));
    if (properties == nullptr) continue;
    for (const auto& [name, value] : *properties) property(name);
  }
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const json::array* required, array_keyword(part, "required"));
    for (size_t i = 0; required != nullptr && i < required->size(); ++i) {
      if (!(*required)[i].is_string()) return schema_error(part.at, "required", "must be an array of strings");
      property((*required)[i].get_string()).required = true;
    }
  }
  for (Property& one : shape.properties) {
    for (const SchemaPart& part : schema.parts) {
      ONDOL_TRY_STATUS(b_.budget().check_time());
      ONDOL_TRY(const json::object* properties, object_keyword(part, "properties"));
      ONDOL_TRY(const json::object* patterns, patterns_of(part));
      bool known = properties != nullptr && properties->contains(one.name);
      if (known) one.schemas.push_back(part.below("properties").below(one.name));
      for (auto it = patterns ? patterns->begin() : json::object::const_iterator{}; patterns && it != patterns->end(); ++it) {
        ONDOL_TRY(const Pattern* keys, pattern(part, it->key()));
        // Where engines disagree whether the name matches, it must be right either way.
        if (keys->wide.matches(one.name)) one.schemas.push_back(part.below("patternProperties").below(it->key()));
        known = known || keys->narrow.matches(one.name);
      }
      if (!known && part.find("additionalProperties") != nullptr) one.schemas.push_back(part.below("additionalProperties"));
    }
  }
  ONDOL_TRY(const auto names, names_dfa(schema));
  if (!names) return {};
  for (const Property& one : shape.properties) shape.never = shape.never || (one.required && !names->matches(one.name));
  std::erase_if(shape.properties, [&](const Property& one) { return !names->matches(one.name); });
  return {};
}

// What propertyNames allows; nothing: any name.
Result<std::optional<CharDfa>> SchemaCompiler::names_dfa(const Conjunction& schema) {
  std::vector<SchemaPart> parts;
  for (const SchemaPart& part : schema.parts) {
    if (part.find("propertyNames") != nullptr) parts.push_back(part.below("propertyNames"));
  }
  if (parts.empty()) return std::nullopt;
  ONDOL_TRY(const Conjunction names, doc_->flatten(std::move(parts)));
  if (names.never) return CharDfa{};
  for (const SchemaPart& part : names.parts) {
    ONDOL_TRY(const TypeSet types, type_keyword(part));
    if ((types & kString) == 0) return CharDfa{};
    for (const char* key : {"anyOf", "oneOf"}) {
      if (part.find(key) != nullptr) return schema_error(part.at, key, "is not supported inside propertyNames");
    }
  }
  ONDOL_TRY(const auto values, values_of(names));
  if (!values) return string_dfa(names);
  ONDOL_TRY(const auto strings, string_dfa(names));
  std::vector<std::string> texts;
  for (const json::value* value : *values) {
    if (value->is_string() && (!strings || strings->matches(value->get_string()))) texts.emplace_back(value->get_string());
  }
  ONDOL_TRY(CharDfa dfa, dfa_of_texts(texts, b_.budget()));
  return dfa;
}

// Keys that no property names: for each combination of patterns that a key can match, its keys and what holds for their values.
Status SchemaCompiler::add_extra(const Conjunction& schema, ObjectShape& shape) {
  std::map<std::string, const Pattern*> patterns;
  std::set<std::string> taken;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const json::object* here, patterns_of(part));
    ONDOL_TRY(const json::object* properties, object_keyword(part, "properties"));
    for (auto it = here ? here->begin() : json::object::const_iterator{}; here && it != here->end(); ++it) {
      ONDOL_TRY(patterns[std::string(it->key())], pattern(part, it->key()));
    }
    for (auto it = properties ? properties->begin() : json::object::const_iterator{}; properties && it != properties->end(); ++it) {
      taken.emplace(it->key());
    }
  }
  for (const Property& property : shape.properties) taken.insert(property.name);
  if (patterns.size() > kMaxPatterns)
    return schema_error(schema.at(), "patternProperties", "more than 4 patterns for one object are not supported");
  const bool open = starts_open(schema);
  if (!open && patterns.empty()) return {};

  ONDOL_TRY(const auto allowed, names_dfa(schema));
  auto names = dfa_of_texts({taken.begin(), taken.end()}, b_.budget());
  if (!names) return schema_error(schema.at(), "properties", names.error());
  ONDOL_TRY(CharDfa free, dfa_complement(*names, b_.budget()));
  if (allowed) {
    ONDOL_TRY(free, dfa_intersect(free, *allowed, b_.budget()));
  }
  for (size_t combination = open ? 0 : 1; combination < size_t{1} << patterns.size(); ++combination) {
    CharDfa keys = free;
    std::set<std::string> matched;
    size_t bit = 1;
    for (const auto& [text, pattern] : patterns) {
      const bool in = (combination & bit) != 0;
      bit *= 2;
      if (in) matched.insert(text);
      ONDOL_TRY(const CharDfa others, in ? Result<CharDfa>(pattern->narrow) : dfa_complement(pattern->wide, b_.budget()));
      ONDOL_TRY(keys, dfa_intersect(keys, others, b_.budget()));
    }
    if (keys.empty()) continue;
    std::vector<SchemaPart> value;
    for (const SchemaPart& part : schema.parts) {
      ONDOL_TRY(const json::object* here, patterns_of(part));
      bool known = false;
      for (auto it = here ? here->begin() : json::object::const_iterator{}; here && it != here->end(); ++it) {
        if (!matched.contains(std::string(it->key()))) continue;
        known = true;
        value.push_back(part.below("patternProperties").below(it->key()));
      }
      if (!known && part.find("additionalProperties") != nullptr) value.push_back(part.below("additionalProperties"));
    }
    ONDOL_TRY(Conjunction flat, doc_->flatten(std::move(value)));
    if (flat.never) continue;
    ONDOL_TRY(const RuleId value_rule, rule_for(std::move(flat)));
    ONDOL_TRY(const RuleId key_rule, json_.rule_of(keys, CharCoding::kJsonString));
    shape.extra.emplace_back(key_rule, value_rule);
  }
  return {};
}

}  // namespace ondol
