#include "messages/answer_json.h"

#include <algorithm>
#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 64;

const json::value* field(const json::object* object, std::string_view name) {
  return object == nullptr ? nullptr : object->if_contains(name);
}

}  // namespace

std::optional<json::value> parse_answer_json(std::string_view text) {
  if (text.size() > kMaxAnswerJsonBytes) return std::nullopt;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

const json::object* object_at(const json::object* object, std::string_view name) {
  const json::value* value = field(object, name);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_at(const json::object* object, std::string_view name) {
  const json::value* value = field(object, name);
  return value == nullptr ? nullptr : value->if_array();
}

std::string_view text_at(const json::object* object, std::string_view name) {
  const json::value* value = field(object, name);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

int64_t count_at(const json::object* object, std::string_view name) {
  const json::value* value = field(object, name);
  const int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? 0 : std::max<int64_t>(*number, 0);
}

}  // namespace ondol
