#include "gateway/chat_request.h"

#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxTopLogprobs = 20;
constexpr std::string_view kRoles = "system, developer, user, assistant or tool";

bool known_role(std::string_view role) {
  return role == "system" || role == "developer" || role == "user" || role == "assistant" || role == "tool";
}

ApiResult<std::string> parse_part(const json::value& part, const std::string& path) {
  const json::object* object = part.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a content part object, not " + describe_json(part) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (!type) return invalid_request(path + ".type", path + ".type is missing.");
  if (*type != "text") {
    return unsupported(path + ".type", "Content parts of type " + quoted(*type, 40) + " are not supported: this server reads text only.");
  }
  ONDOL_TRY(std::optional<std::string> text, fields.string("text"));
  if (!text) return invalid_request(path + ".text", path + ".text is missing.");
  return std::move(*text);
}

// String or text parts; `optional`: an assistant's message that only calls tools has none.
ApiResult<std::string> parse_content(FieldReader& fields, bool optional) {
  const json::value* content = fields.take("content");
  const std::string path = fields.path("content");
  if (content == nullptr) {
    if (optional) return std::string();
    return invalid_request(path, path + " is missing.");
  }
  if (const auto* text = content->if_string()) return std::string(*text);
  const json::array* parts = content->if_array();
  if (parts == nullptr) return fields.wrong("content", "a string or an array of text parts", *content);
  std::string joined;
  for (size_t i = 0; i < parts->size(); ++i) {
    ONDOL_TRY(const std::string text, parse_part((*parts)[i], path + "[" + std::to_string(i) + "]"));
    if (i > 0) joined += '\n';
    joined += text;
  }
  return joined;
}

// Templates print arguments as JSON; clients send them as a string of JSON. A string that is no JSON object stays as it is.
void open_arguments(json::value& call) {
  json::object* object = call.if_object();
  json::value* function = object == nullptr ? nullptr : object->if_contains("function");
  if (function == nullptr || !function->is_object()) return;
  json::value* arguments = function->get_object().if_contains("arguments");
  if (arguments == nullptr || !arguments->is_string()) return;
  boost::system::error_code error;
  json::value parsed = json::parse(arguments->get_string(), error);
  if (!error && parsed.is_object()) *arguments = std::move(parsed);
}

ApiResult<json::object> parse_message(const json::value& value, const std::string& path) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a message object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> role, fields.string("role"));
  const std::string role_path = path + ".role";
  if (!role) return invalid_request(role_path, role_path + " is missing: one of " + std::string(kRoles) + ".");
  if (!known_role(*role)) {
    return invalid_request(role_path, role_path + " must be one of " + std::string(kRoles) + ", not " + quoted(*role, 40) + ".");
  }
  ONDOL_TRY(const json::array* calls, fields.array("tool_calls"));
  ONDOL_TRY(const std::string content, parse_content(fields, *role == "assistant"));
  json::object message;
  message["role"] = *role == "developer" ? "system" : *role;
  message["content"] = content;
  for (const char* name : {"name", "reasoning_content", "tool_call_id"}) {
    ONDOL_TRY(const std::optional<std::string> text, fields.string(name));
    if (text) message[name] = *text;
  }
  if (calls != nullptr && !calls->empty()) {
    json::array opened = *calls;
    for (json::value& call : opened) open_arguments(call);
    message["tool_calls"] = std::move(opened);
  }
  return message;
}

ApiResult<json::array> parse_messages(FieldReader& fields, const RequestLimits& limits) {
  ONDOL_TRY(const json::array* array, fields.array("messages"));
  if (array == nullptr || array->empty()) return invalid_request("messages", "messages must be an array of at least one message.");
  if (array->size() > limits.max_messages) {
    return invalid_request("messages", "messages has " + std::to_string(array->size()) + " entries; at most " +
                                           std::to_string(limits.max_messages) + " are accepted.");
  }
  json::array messages;
  for (size_t i = 0; i < array->size(); ++i) {
    ONDOL_TRY(json::object message, parse_message((*array)[i], "messages[" + std::to_string(i) + "]"));
    messages.push_back(std::move(message));
  }
  return messages;
}

// Fields that ask for what only a later version may do: a clear no is better than an answer of another form.
ApiResult<void> refuse_tools(FieldReader& fields) {
  for (const char* name : {"tools", "functions"}) {
    ONDOL_TRY(const json::array* array, fields.array(name));
    if (array != nullptr && !array->empty()) return unsupported(name, std::string(name) + " is not supported by this server yet.");
  }
  for (const char* name : {"tool_choice", "function_call"}) {
    const json::value* value = fields.take(name);
    if (value != nullptr && *value != "none" && *value != "auto") {
      return unsupported(name, std::string(name) + " is not supported by this server yet.");
    }
  }
  ONDOL_TRY(const json::object* format, fields.object("response_format"));
  if (format != nullptr) {
    const json::value* type = format->if_contains("type");
    if (type == nullptr || *type != "text") {
      return unsupported("response_format", "response_format must be {\"type\": \"text\"}: structured output is not supported yet.");
    }
  }
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

ApiResult<json::object> parse_template_arguments(FieldReader& fields) {
  ONDOL_TRY(const json::object* arguments, fields.object("chat_template_kwargs"));
  json::object out = arguments == nullptr ? json::object() : *arguments;
  ONDOL_TRY(const std::optional<bool> thinking, fields.boolean("enable_thinking"));
  if (thinking) out["enable_thinking"] = *thinking;
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
  ONDOL_TRY_STATUS(refuse_tools(fields));
  ONDOL_TRY(request.common.logprobs, parse_logprobs(fields));
  ONDOL_TRY(request.template_arguments, parse_template_arguments(fields));
  request.common.ignored = header_names(fields.unknown());
  return request;
}

}  // namespace ondol
