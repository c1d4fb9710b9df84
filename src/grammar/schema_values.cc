// enum and const, and the proof that branches of oneOf exclude one another.
#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>

#include "grammar/number_dfa.h"
#include "grammar/schema_compiler.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int kDisjointDepth = 8;

std::string text_of(const json::value& value) {
  if (!value.is_double()) return json::serialize(value);
  char buffer[64];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value.get_double()).ptr);
}

bool in_range(const json::value& value, const NumberRange& range) {
  const NumberBound number = number_bound(value, false);
  if (range.lo && (compare(number, *range.lo) < 0 || (range.lo->strict && compare(number, *range.lo) == 0))) return false;
  if (range.hi && (compare(number, *range.hi) > 0 || (range.hi->strict && compare(number, *range.hi) == 0))) return false;
  if (range.multiple == 1) return true;
  if (!number.fraction.empty()) return false;
  uint64_t rest = 0;
  for (const char c : number.whole) rest = (rest * 10 + static_cast<uint64_t>(c - '0')) % range.multiple;
  return rest == 0;
}

}  // namespace

Result<std::optional<SchemaCompiler::Values>> SchemaCompiler::values_of(const Conjunction& schema) const {
  std::optional<Values> out;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(auto here, enum_keyword(part));
    if (!here) continue;
    if (!out) {
      out = std::move(here);
      continue;
    }
    std::erase_if(*out, [&](const json::value* value) {
      return std::ranges::none_of(*here, [&](const json::value* other) { return json_equal(*value, *other); });
    });
    ONDOL_TRY_STATUS(b_.budget().check_time());
  }
  return out;
}

Result<std::vector<std::string>> SchemaCompiler::allowed_texts(const Conjunction& schema, const Values& values) {
  TypeSet types = kAnyType;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const TypeSet here, type_keyword(part));
    types &= here;
  }
  ONDOL_TRY(const auto strings, string_dfa(schema));
  ONDOL_TRY(const auto numbers, number_range(schema, false));
  std::vector<std::string> out;
  for (const json::value* value : values) {
    ONDOL_TRY_STATUS(b_.budget().check_time());
    const TypeSet type = type_of(*value);
    if ((types & type) == 0) continue;
    if (type == kString && strings && !strings->matches(value->get_string())) continue;
    if ((type & (kInteger | kFraction)) != 0 && numbers && !in_range(*value, *numbers)) continue;
    for (const SchemaPart& part : schema.parts) {
      if (type != kArray && type != kObject) break;
      for (const char* key : {"items", "prefixItems", "minItems", "maxItems", "properties", "required", "additionalProperties",
                              "patternProperties", "propertyNames", "minProperties", "maxProperties"}) {
        if (part.find(key) != nullptr) return schema_error(part.at, key, "cannot be combined with an enum or const of arrays or objects");
      }
    }
    out.push_back(text_of(*value));
  }
  return out;
}

// As a tree of their common beginnings, so that 10,000 values are one position at a time and not 10,000.
Status SchemaCompiler::fill_values(RuleId rule, const std::vector<std::string>& texts) {
  std::map<std::pair<NodeId, char>, NodeId> next;
  for (const std::string& text : texts) {
    NodeId at = b_.entry(rule);
    for (const char c : text) {
      const auto [edge, fresh] = next.try_emplace({at, c}, 0);
      if (fresh) edge->second = b_.after(at, std::string_view(&c, 1));
      at = edge->second;
    }
    b_.free(at, b_.exit(rule));
    ONDOL_TRY_STATUS(b_.check());
  }
  return {};
}

Status SchemaCompiler::check_disjoint(const SchemaPart& part, const json::array& branches) {
  for (size_t i = 0; i < branches.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      ONDOL_TRY(const bool apart, disjoint(part.below(branches, "oneOf", j), part.below(branches, "oneOf", i), 0));
      if (apart) continue;
      return schema_error(
          part.at, "oneOf",
          "branches " + std::to_string(j) + " and " + std::to_string(i) +
              " cannot be shown to exclude each other; use anyOf, or tell them apart by type or by a required constant property");
    }
  }
  return {};
}

// Errs towards false.
Result<bool> SchemaCompiler::disjoint(const SchemaPart& a, const SchemaPart& b, int depth) {
  if (depth > kDisjointDepth) return false;
  ONDOL_TRY(const Conjunction x, doc_->flatten({a}));
  ONDOL_TRY(const Conjunction y, doc_->flatten({b}));
  if (x.never || y.never) return true;
  TypeSet x_types = kAnyType;
  TypeSet y_types = kAnyType;
  for (const SchemaPart& part : x.parts) {
    ONDOL_TRY(const TypeSet here, type_keyword(part));
    x_types &= here;
  }
  for (const SchemaPart& part : y.parts) {
    ONDOL_TRY(const TypeSet here, type_keyword(part));
    y_types &= here;
  }
  ONDOL_TRY(const auto x_values, values_of(x));
  ONDOL_TRY(const auto y_values, values_of(y));
  if (x_values && y_values) {
    return std::ranges::all_of(*x_values, [&](const json::value* value) {
      return std::ranges::all_of(*y_values, [&](const json::value* other) { return json_differ(*value, *other); });
    });
  }
  const auto types_of_values = [](const std::optional<Values>& values, TypeSet& types) {
    if (!values) return;
    TypeSet seen = 0;
    for (const json::value* value : *values) seen |= type_of(*value);
    types &= seen;
  };
  types_of_values(x_values, x_types);
  types_of_values(y_values, y_types);
  const TypeSet both = x_types & y_types;
  if (both == 0) return true;
  if ((both & ~(kInteger | kFraction)) == 0) {
    ONDOL_TRY(const auto p, number_range(x, false));
    ONDOL_TRY(const auto q, number_range(y, false));
    const auto below = [](const std::optional<NumberRange>& low, const std::optional<NumberRange>& high) {
      if (!low || !high || !low->hi || !high->lo) return false;
      const int order = compare(*low->hi, *high->lo);
      return order < 0 || (order == 0 && (low->hi->strict || high->lo->strict));
    };
    return below(p, q) || below(q, p);
  }
  return both == kObject ? disjoint_objects(x, y, depth) : Result<bool>(false);
}

// By a property that both require and that cannot have one value for both, or that one requires and the other forbids.
Result<bool> SchemaCompiler::disjoint_objects(const Conjunction& a, const Conjunction& b, int depth) {
  const auto forbids = [](const Conjunction& schema, std::string_view name) {
    return std::ranges::any_of(schema.parts, [&](const SchemaPart& part) {
      const json::value* extra = part.find("additionalProperties");
      const json::value* known = part.find("properties");
      const bool named = known != nullptr && known->is_object() && known->get_object().contains(name);
      return extra != nullptr && *extra == json::value(false) && !named && part.find("patternProperties") == nullptr;
    });
  };
  const auto requires_name = [](const Conjunction& schema, std::string_view name) {
    return std::ranges::any_of(schema.parts, [&](const SchemaPart& part) {
      const json::value* list = part.find("required");
      return list != nullptr && list->is_array() && std::ranges::any_of(list->get_array(), [&](const json::value& item) {
               return item.is_string() && std::string_view(item.get_string()) == name;
             });
    });
  };
  for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    for (const SchemaPart& part : x->parts) {
      ONDOL_TRY(const json::array* list, array_keyword(part, "required"));
      for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
        ONDOL_TRY_STATUS(b_.budget().check_time());
        if (!(*list)[i].is_string()) continue;
        const std::string_view name = (*list)[i].get_string();
        if (forbids(*y, name)) return true;
        if (!requires_name(*y, name)) continue;
        for (const SchemaPart& left : x->parts) {
          ONDOL_TRY(const json::object* p, object_keyword(left, "properties"));
          for (const SchemaPart& right : y->parts) {
            ONDOL_TRY(const json::object* q, object_keyword(right, "properties"));
            if (p == nullptr || q == nullptr || !p->contains(name) || !q->contains(name)) continue;
            ONDOL_TRY(const bool apart, disjoint(left.below("properties").below(name), right.below("properties").below(name), depth + 1));
            if (apart) return true;
          }
        }
      }
    }
  }
  return false;
}

}  // namespace ondol
