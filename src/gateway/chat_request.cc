#include "gateway/chat_request.h"

#include <boost/json.hpp>

#include "gateway/chat_messages.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxTopLogprobs = 20;

// What would change the kind of the answer: a clear no is better than an answer of another kind.
ApiResult<void> refuse_other_media(FieldReader& fields) {
  if (const json::value* audio = fields.take("audio"); audio != nullptr) return unsupported("audio", "audio is not supported.");
  ONDOL_TRY(const json::array* modalities, fields.array("modalities"));
  if (modalities != nullptr && *modalities != json::array{"text"}) return unsupported("modalities", "modalities must be [\"text\"].");
  return {};
}

ApiResult<int> parse_logprobs(FieldReader& fields) {
  ONDOL_TRY(const std::optional<bool> logprobs, fields.boolean("logprobs"));
  ONDOL_TRY(const std::optional<int64_t> top, fields.integer("top_logprobs", 0, kMaxTopLogprobs));
  if (!logprobs.value_or(false)) {
    if (top.value_or(0) > 0) return invalid_request("top_logprobs", "top_logprobs needs logprobs to be true.");
    return -1;
  }
  return static_cast<int>(top.value_or(0));
}

// How much to reason: {"effort": "low"} or {"enabled": true} in `reasoning`, or reasoning_effort, to what templates know.
ApiResult<void> parse_effort(FieldReader& fields, json::object& arguments) {
  ONDOL_TRY(std::optional<std::string> effort, fields.string("reasoning_effort"));
  std::optional<bool> thinking;
  ONDOL_TRY(const json::object* reasoning, fields.object("reasoning"));
  std::string path = "reasoning_effort";
  if (reasoning != nullptr) {
    FieldReader inner(*reasoning, "reasoning");
    ONDOL_TRY(const std::optional<std::string> inner_effort, inner.string("effort"));
    ONDOL_TRY(thinking, inner.boolean("enabled"));
    if (inner_effort) {
      effort = inner_effort;
      path = "reasoning.effort";
    }
  }
  if (effort) {
    const bool some = *effort == "low" || *effort == "medium" || *effort == "high" || *effort == "xhigh";
    if (!some && *effort != "none" && *effort != "minimal") {
      return invalid_request(path, path + " must be one of none, minimal, low, medium, high or xhigh, not " + quoted(*effort, 40) + ".");
    }
    if (!thinking) thinking = some;
    arguments.emplace("reasoning_effort", *effort);
  }
  if (thinking) arguments.emplace("enable_thinking", *thinking);
  return {};
}

ApiResult<json::object> parse_template_arguments(FieldReader& fields) {
  ONDOL_TRY(const json::object* arguments, fields.object("chat_template_kwargs"));
  json::object out = arguments == nullptr ? json::object() : *arguments;
  ONDOL_TRY(const std::optional<bool> thinking, fields.boolean("enable_thinking"));
  if (thinking) out["enable_thinking"] = *thinking;
  ONDOL_TRY_STATUS(parse_effort(fields, out));
  return out;
}

// {"type": "content", "content": text or text parts}.
ApiResult<std::string> parse_prediction(FieldReader& fields) {
  ONDOL_TRY(const json::object* prediction, fields.object("prediction"));
  if (prediction == nullptr) return std::string();
  FieldReader inner(*prediction, "prediction");
  ONDOL_TRY(const std::optional<std::string> type, inner.string("type"));
  if (type != "content") return invalid_request("prediction.type", "prediction.type must be \"content\".");
  const json::value* content = inner.take("content");
  const std::string expected = "a string, or an array of {\"type\": \"text\", \"text\": ...}";
  if (content == nullptr) return invalid_request("prediction.content", "prediction.content is missing: " + expected + ".");
  if (const json::string* text = content->if_string()) return std::string(*text);
  const json::array* parts = content->if_array();
  if (parts == nullptr) return inner.wrong("content", expected, *content);
  std::string out;
  for (const json::value& part : *parts) {
    const json::object* object = part.if_object();
    const json::value* text = object == nullptr ? nullptr : object->if_contains("text");
    if (text == nullptr || !text->is_string()) return inner.wrong("content", expected, part);
    out += text->get_string();
  }
  return out;
}

}  // namespace

ApiResult<ChatRequest> parse_chat_request(const json::value& body, const RequestLimits& limits) {
  const json::object* object = body.if_object();
  if (object == nullptr) return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
  FieldReader fields(*object);
  ChatRequest request;
  ONDOL_TRY(request.common, parse_common(fields, limits));
  ONDOL_TRY(const std::optional<int64_t> max_tokens, fields.integer("max_completion_tokens", 1, std::numeric_limits<int32_t>::max()));
  if (max_tokens) request.common.max_tokens = max_tokens;
  ONDOL_TRY(request.messages, parse_messages(fields, limits));
  ONDOL_TRY(request.tools, parse_tool_request(fields));
  ONDOL_TRY_STATUS(refuse_other_media(fields));
  ONDOL_TRY(request.common.logprobs, parse_logprobs(fields));
  ONDOL_TRY(request.template_arguments, parse_template_arguments(fields));
  ONDOL_TRY(request.prediction, parse_prediction(fields));
  request.common.ignored = header_names(fields.unknown());
  return request;
}

}  // namespace ondol
