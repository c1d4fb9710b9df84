#include "door/request_peek.h"

#include <simdjson.h>

#include <utility>

namespace ondol {
namespace {

namespace od = simdjson::ondemand;

Error not_an_object(std::string_view why) { return {Code::kInvalidArgument, "The body is not a JSON object: " + std::string(why) + "."}; }

// Offset behind the bracket at which `object` begins in `text`, and whether the object ends there.
std::pair<size_t, bool> behind_bracket(std::string_view text, size_t begin) {
  const size_t first = text.find_first_not_of(" \t\r\n", begin + 1);
  return {begin + 1, first == std::string_view::npos || text[first] == '}'};
}

Status read_flag(od::value value, std::string_view name, bool& flag) {
  bool is_null = false;
  if (value.is_null().get(is_null) == simdjson::SUCCESS && is_null) {
    flag = false;
    return {};
  }
  if (value.get_bool().get(flag) != simdjson::SUCCESS) {
    return fail(Code::kInvalidArgument, "\"" + std::string(name) + "\" must be true or false.");
  }
  return {};
}

Status read_options(od::value value, std::string_view text, RequestPeek& out) {
  bool is_null = false;
  out.wants_usage = false;
  out.options_at = std::string::npos;
  if (value.is_null().get(is_null) == simdjson::SUCCESS && is_null) return {};
  const char* const begin = value.current_location().value_unsafe();
  od::object options;
  if (value.get_object().get(options) != simdjson::SUCCESS) return fail(Code::kInvalidArgument, "\"stream_options\" must be an object.");
  std::tie(out.options_at, out.options_empty) = behind_bracket(text, static_cast<size_t>(begin - text.data()));
  for (auto field : options) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return std::unexpected(not_an_object("a broken key in \"stream_options\""));
    if (key != "include_usage") continue;
    ONDOL_TRY_STATUS(read_flag(field.value(), "stream_options.include_usage", out.wants_usage));
  }
  return {};
}

Status read_field(std::string_view key, od::value value, std::string_view text, RequestPeek& out) {
  if (key == "model") {
    std::string_view model;
    if (value.get_string().get(model) != simdjson::SUCCESS) return fail(Code::kInvalidArgument, "\"model\" must be a string.");
    out.model = model;
  } else if (key == "stream") {
    return read_flag(value, "stream", out.streams);
  } else if (key == "stream_options") {
    return read_options(value, text, out);
  } else if (key == "messages" || key == "prompt" || key == "input") {
    std::string_view raw;
    if (simdjson::to_json_string(value).get(raw) == simdjson::SUCCESS) out.prompt_bytes += static_cast<int64_t>(raw.size());
  }
  return {};
}

Result<RequestPeek> peek(simdjson::padded_string_view text) {
  thread_local od::parser parser;
  od::document document;
  od::object object;
  if (const auto error = parser.iterate(text).get(document); error != simdjson::SUCCESS) {
    return std::unexpected(not_an_object(simdjson::error_message(error)));
  }
  if (const auto error = document.get_object().get(object); error != simdjson::SUCCESS) {
    return std::unexpected(not_an_object(simdjson::error_message(error)));
  }
  RequestPeek out;
  const std::string_view view = text;
  std::tie(out.top_at, out.top_empty) = behind_bracket(view, view.find('{'));
  for (auto field : object) {
    std::string_view key;
    od::value value;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS) {
      return std::unexpected(not_an_object("it breaks off, or a key is broken"));
    }
    // The key lies in the parser's buffer, which the value's own string may overwrite.
    ONDOL_TRY_STATUS(read_field(std::string(key), value, view, out));
  }
  // There is a location as long as there is more to read.
  if (document.current_location().error() == simdjson::SUCCESS) return std::unexpected(not_an_object("there is more behind its end"));
  return out;
}

}  // namespace

Result<RequestPeek> peek_request(const std::string& body) {
  if (body.capacity() - body.size() >= simdjson::SIMDJSON_PADDING) {
    return peek(simdjson::padded_string_view(body.data(), body.size(), body.capacity()));
  }
  const simdjson::padded_string copy(body);
  return peek(copy);
}

std::string ask_for_usage(const RequestPeek& peek, std::string_view body) {
  const bool inside = peek.options_at != std::string::npos;
  const size_t at = inside ? peek.options_at : peek.top_at;
  const bool empty = inside ? peek.options_empty : peek.top_empty;
  std::string out;
  out.reserve(body.size() + 64);
  out += body.substr(0, at);
  out += inside ? "\"include_usage\":true" : "\"stream_options\":{\"include_usage\":true}";
  if (!empty) out += ',';
  out += body.substr(at);
  return out;
}

int64_t prompt_tokens_guess(int64_t bytes) { return bytes < 4 ? 1 : bytes / 4; }

}  // namespace ondol
