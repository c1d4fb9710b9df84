#include "endpoint/field_reader.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

namespace ondol {
namespace {

// A whole number in any spelling ("5", "5.0"), if it fits.
std::optional<int64_t> whole(const boost::json::value& value) {
  if (const int64_t* integer = value.if_int64()) return *integer;
  const double* real = value.if_double();
  if (real != nullptr && std::abs(*real) < 9e15 && std::trunc(*real) == *real) return static_cast<int64_t>(*real);
  return std::nullopt;
}

}  // namespace

std::string describe_json(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return "null";
    case boost::json::kind::bool_: return value.get_bool() ? "true" : "false";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_: return "the number " + boost::json::serialize(value);
    case boost::json::kind::string: return "the string " + quoted(value.get_string(), 40);
    case boost::json::kind::array: return "an array";
    case boost::json::kind::object: return "an object";
  }
  return "something else";
}

const boost::json::value* FieldReader::take(std::string_view name) {
  const auto field = object_->find(name);
  if (field == object_->end()) return nullptr;
  known_[static_cast<size_t>(field - object_->begin())] = true;
  return field->value().is_null() ? nullptr : &field->value();
}

std::unexpected<ApiError> FieldReader::wrong(std::string_view name, std::string_view expected, const boost::json::value& got) const {
  const std::string field = path(name);
  return invalid_request(field, field + " must be " + std::string(expected) + ", not " + describe_json(got) + ".", "invalid_type");
}

ApiResult<std::optional<double>> FieldReader::number(std::string_view name, double low, double high) {
  const boost::json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || value->to_number<double>() < low || value->to_number<double>() > high) {
    return wrong(name, fmt::format("a number from {} to {}", low, high), *value);
  }
  return value->to_number<double>();
}

ApiResult<std::optional<int64_t>> FieldReader::integer(std::string_view name, int64_t low, int64_t high) {
  const boost::json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> number = whole(*value);
  if (!number || *number < low || *number > high) return wrong(name, fmt::format("an integer from {} to {}", low, high), *value);
  return number;
}

ApiResult<std::optional<bool>> FieldReader::boolean(std::string_view name) {
  const boost::json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return wrong(name, "true or false", *value);
  return value->get_bool();
}

ApiResult<std::optional<std::string>> FieldReader::string(std::string_view name) {
  const boost::json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return wrong(name, "a string", *value);
  return std::string(value->get_string());
}

ApiResult<const boost::json::object*> FieldReader::object(std::string_view name) {
  const boost::json::value* value = take(name);
  if (value != nullptr && !value->is_object()) return wrong(name, "an object", *value);
  return value == nullptr ? nullptr : value->if_object();
}

ApiResult<const boost::json::array*> FieldReader::array(std::string_view name) {
  const boost::json::value* value = take(name);
  if (value != nullptr && !value->is_array()) return wrong(name, "an array", *value);
  return value == nullptr ? nullptr : value->if_array();
}

std::vector<std::string> FieldReader::unknown() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < known_.size(); ++i) {
    if (!known_[i]) names.emplace_back((object_->begin() + i)->key());
  }
  return names;
}

}  // namespace ondol
