// Keywords of a schema as the values they must be.
#include <cmath>

#include "grammar/schema_doc.h"

namespace ondol {
namespace {

namespace json = boost::json;

bool is_number(const json::value& value) { return value.is_int64() || value.is_uint64() || value.is_double(); }

std::optional<TypeSet> type_named(std::string_view name) {
  if (name == "null") return kNull;
  if (name == "boolean") return kBoolean;
  if (name == "integer") return kInteger;
  if (name == "number") return static_cast<TypeSet>(kInteger | kFraction);
  if (name == "string") return kString;
  if (name == "array") return kArray;
  if (name == "object") return kObject;
  return std::nullopt;
}

}  // namespace

Result<std::optional<uint64_t>> count_keyword(const SchemaPart& part, std::string_view key) {
  const json::value* value = part.find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64() && value->get_int64() >= 0) return static_cast<uint64_t>(value->get_int64());
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_double() && value->get_double() >= 0 && value->get_double() < 1e18 &&
      std::trunc(value->get_double()) == value->get_double()) {
    return static_cast<uint64_t>(value->get_double());
  }
  return schema_error(part.at, key, "must be a whole number of at least 0");
}

Result<const json::value*> number_keyword(const SchemaPart& part, std::string_view key) {
  const json::value* value = part.find(key);
  if (value == nullptr || is_number(*value)) return value;
  return schema_error(part.at, key, "must be a number");
}

Result<const json::object*> object_keyword(const SchemaPart& part, std::string_view key) {
  const json::value* value = part.find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) return schema_error(part.at, key, "must be an object");
  return &value->get_object();
}

Result<const json::array*> array_keyword(const SchemaPart& part, std::string_view key) {
  const json::value* value = part.find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) return schema_error(part.at, key, "must be an array");
  return &value->get_array();
}

Result<const json::string*> string_keyword(const SchemaPart& part, std::string_view key) {
  const json::value* value = part.find(key);
  if (value == nullptr) return nullptr;
  if (!value->is_string()) return schema_error(part.at, key, "must be a string");
  return &value->get_string();
}

Result<TypeSet> type_keyword(const SchemaPart& part) {
  const json::value* value = part.find("type");
  if (value == nullptr) return kAnyType;
  TypeSet out = 0;
  const auto add = [&](const json::value& name) {
    const auto type = name.is_string() ? type_named(name.get_string()) : std::nullopt;
    if (type) out |= *type;
    return type.has_value();
  };
  const json::array* list = value->if_array();
  bool good = list == nullptr ? add(*value) : true;
  if (list != nullptr) {
    for (const json::value& name : *list) good = good && add(name);
  }
  if (!good) return schema_error(part.at, "type", "must name null, boolean, integer, number, string, array or object, or a list of these");
  return out;
}

Result<std::optional<std::vector<const json::value*>>> enum_keyword(const SchemaPart& part) {
  ONDOL_TRY(const json::array* list, array_keyword(part, "enum"));
  const json::value* constant = part.find("const");
  if (list == nullptr && constant == nullptr) return std::nullopt;
  std::vector<const json::value*> out;
  if (list == nullptr) {
    out.push_back(constant);
    return out;
  }
  for (const json::value& value : *list) {
    if (constant == nullptr || json_equal(value, *constant)) out.push_back(&value);
  }
  return out;
}

bool json_equal(const json::value& a, const json::value& b) {
  if (!is_number(a) || !is_number(b)) return a == b;
  if (!a.is_double() && !b.is_double()) return a == b;  // exact; compares signed with unsigned by value
  return a.to_number<double>() == b.to_number<double>();
}

bool json_differ(const json::value& a, const json::value& b) {
  const TypeSet type = type_of(a);
  if (type != type_of(b)) return true;
  return type != kArray && type != kObject && !json_equal(a, b);
}

}  // namespace ondol
