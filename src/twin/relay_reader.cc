#include "twin/relay_reader.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "twin/surface_json.h"

namespace ondol {
namespace json = boost::json;
namespace {

const json::object* object_in(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::string text_in(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

}  // namespace

Status RelayReader::push(std::string_view bytes, const OnText& on_text) {
  Status status;
  const Status split = events_.push(bytes, [&](std::string_view, std::string_view data) {
    if (status) status = take(data, on_text);
  });
  return status ? split : status;
}

Status RelayReader::take(std::string_view data, const OnText& on_text) {
  if (data == "[DONE]") {
    if (finish_.empty()) finish_ = "stop";
    return {};
  }
  const auto value = parse_json_body(data);
  if (!value || !value->is_object()) return fail(Code::kDataLoss, "it sent " + quoted(data, 80) + ", which is no JSON object");
  const json::object& event = value->get_object();
  if (const json::value* error = event.if_contains("error"); error != nullptr && !error->is_null()) {
    return fail(Code::kUnavailable, "it says " + quoted(json::serialize(*error), 200));
  }
  const json::value* choices = event.if_contains("choices");
  const json::array* list = choices == nullptr ? nullptr : choices->if_array();
  if (list == nullptr || list->empty()) return {};  // the usage
  const json::object* choice = list->front().if_object();
  if (choice == nullptr) return fail(Code::kDataLoss, "it sent a choice that is no JSON object");
  const json::object* delta = object_in(*choice, "delta");
  std::string text = delta == nullptr ? text_in(*choice, "text") : text_in(*delta, "content");
  if (!text.empty() && finish_.empty()) on_text(std::move(text));
  if (const std::string reason = text_in(*choice, "finish_reason"); !reason.empty()) finish_ = reason == "length" ? "length" : "stop";
  return {};
}

}  // namespace ondol
