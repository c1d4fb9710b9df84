#include "gateway/completion_request.h"

#include <boost/json.hpp>
#include <limits>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int64_t kDefaultMaxTokens = 16;
constexpr int64_t kMaxLogprobs = 5;
constexpr std::string_view kExpected = "a string, an array of one string, or an array of token ids";

ApiResult<CompletionPrompt> parse_ids(FieldReader& fields, const json::array& array) {
  CompletionPrompt prompt;
  prompt.is_text = false;
  prompt.ids.reserve(array.size());
  for (const json::value& item : array) {
    const int64_t* id = item.if_int64();
    if (id == nullptr || *id < 0 || *id > std::numeric_limits<int32_t>::max()) return fields.wrong("prompt", kExpected, item);
    prompt.ids.push_back(static_cast<int32_t>(*id));
  }
  return prompt;
}

CompletionPrompt text_prompt(const json::string& text) {
  CompletionPrompt prompt;
  prompt.text = text;
  return prompt;
}

ApiResult<CompletionPrompt> parse_prompt(FieldReader& fields) {
  const json::value* value = fields.take("prompt");
  if (value == nullptr) return invalid_request("prompt", "prompt is missing: " + std::string(kExpected) + ".");
  if (const json::string* text = value->if_string()) return text_prompt(*text);
  const json::array* array = value->if_array();
  if (array == nullptr) return fields.wrong("prompt", kExpected, *value);
  if (array->empty()) return invalid_request("prompt", "prompt is an empty array.");
  const json::value& first = array->front();
  if (!first.is_string() && !first.is_array()) return parse_ids(fields, *array);
  if (array->size() > 1) {
    return unsupported("prompt", "prompt holds " + std::to_string(array->size()) + " prompts; send one request for each.");
  }
  if (first.is_array()) return parse_ids(fields, first.get_array());
  return text_prompt(first.get_string());
}

}  // namespace

ApiResult<CompletionRequest> parse_completion_request(const json::value& body, const RequestLimits& limits) {
  const json::object* object = body.if_object();
  if (object == nullptr) return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
  FieldReader fields(*object);
  CompletionRequest request;
  ONDOL_TRY(request.common, parse_common(fields, limits, /*least_max_tokens=*/0));
  if (!request.common.max_tokens) request.common.max_tokens = kDefaultMaxTokens;
  ONDOL_TRY(request.prompt, parse_prompt(fields));
  ONDOL_TRY(const std::optional<std::string> suffix, fields.string("suffix"));
  if (suffix && !suffix->empty()) return unsupported("suffix", "suffix is not supported by this server; leave it out.");
  ONDOL_TRY(const std::optional<bool> echo, fields.boolean("echo"));
  request.echo = echo.value_or(false);
  ONDOL_TRY(const std::optional<int64_t> logprobs, fields.integer("logprobs", 0, kMaxLogprobs));
  request.common.logprobs = static_cast<int>(logprobs.value_or(-1));
  request.common.ignored = header_names(fields.unknown());
  return request;
}

}  // namespace ondol
