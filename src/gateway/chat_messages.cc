#include "gateway/chat_messages.h"

#include <boost/json.hpp>
#include <set>
#include <string>

#include "gateway/json_scan.h"
#include "gateway/tool_request.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kRoles = "system, developer, user, assistant or tool";
constexpr JsonLimits kArgumentLimits = {.max_bytes = 1 << 20, .max_depth = 32, .max_values = 100'000};

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

// Clients send arguments as a string of JSON; templates print them as JSON.
ApiResult<json::object> parse_arguments(FieldReader& fields) {
  const std::string path = fields.path("arguments");
  const json::value* value = fields.take("arguments");
  if (value == nullptr) return invalid_request(path, path + " is missing.");
  if (const json::object* object = value->if_object()) return *object;
  const json::string* text = value->if_string();
  if (text == nullptr) return fields.wrong("arguments", "a string that holds a JSON object", *value);
  if (text->find_first_not_of(" \n\r\t") == json::string::npos) return json::object();
  const auto parsed = parse_json(*text, kArgumentLimits);
  if (parsed && parsed->is_object()) return parsed->get_object();
  return invalid_request(path, path + " must be a string that holds a JSON object of at most 1 MiB, not " + quoted(*text, 40) + ".");
}

ApiResult<json::object> parse_call(const json::value& value, const std::string& path, std::set<std::string>& ids) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a tool call object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> id, fields.string("id"));
  if (!id || id->empty()) return invalid_request(path + ".id", path + ".id is missing: the tool's message names the call by it.");
  if (!ids.insert(*id).second) return invalid_request(path + ".id", path + ".id stands twice in this message: " + quoted(*id, 40) + ".");
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (type.value_or("function") != "function") {
    return unsupported(path + ".type", path + ".type must be \"function\", not " + quoted(*type, 40) + ".");
  }
  ONDOL_TRY(const json::object* function, fields.object("function"));
  if (function == nullptr) return invalid_request(path + ".function", path + ".function is missing.");
  FieldReader inner(*function, path + ".function");
  ONDOL_TRY(const std::optional<std::string> name, inner.string("name"));
  if (!is_function_name(name.value_or(""))) {
    return invalid_request(inner.path("name"), inner.path("name") + " must be 1 to 64 letters, digits, \"_\" or \"-\".");
  }
  ONDOL_TRY(json::object arguments, parse_arguments(inner));
  json::object call;
  call["id"] = *id;
  call["type"] = "function";
  json::object called;
  called["name"] = *name;
  called["arguments"] = std::move(arguments);
  call["function"] = std::move(called);
  return call;
}

// The ids of the calls replace those of earlier messages.
ApiResult<json::array> parse_calls(const json::array& calls, const std::string& path, std::set<std::string>& ids) {
  if (calls.size() > kMaxTools) {
    return invalid_request(
        path, path + " has " + std::to_string(calls.size()) + " calls; at most " + std::to_string(kMaxTools) + " are accepted.");
  }
  ids.clear();
  json::array out;
  for (size_t i = 0; i < calls.size(); ++i) {
    ONDOL_TRY(json::object call, parse_call(calls[i], path + "[" + std::to_string(i) + "]", ids));
    out.push_back(std::move(call));
  }
  return out;
}

ApiResult<void> check_tool_message(FieldReader& fields, const std::set<std::string>& ids) {
  const std::string path = fields.path("tool_call_id");
  ONDOL_TRY(const std::optional<std::string> id, fields.string("tool_call_id"));
  if (!id) return invalid_request(path, path + " is missing: a message of the role tool names the call it answers.");
  if (ids.contains(*id)) return {};
  return invalid_request(path, path + " is " + quoted(*id, 40) + ", but no call of the assistant before it has this id.");
}

ApiResult<json::object> parse_message(const json::value& value, const std::string& path, std::set<std::string>& ids) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a message object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> role, fields.string("role"));
  const std::string role_path = path + ".role";
  if (!role) return invalid_request(role_path, role_path + " is missing: one of " + std::string(kRoles) + ".");
  if (!known_role(*role)) {
    return invalid_request(role_path, role_path + " must be one of " + std::string(kRoles) + ", not " + quoted(*role, 40) + ".");
  }
  const bool assistant = *role == "assistant";
  ONDOL_TRY(const json::array* calls, fields.array("tool_calls"));
  if (fields.take("function_call") != nullptr) {
    return unsupported(path + ".function_call", path + ".function_call is the old form and not supported; use tool_calls.");
  }
  ONDOL_TRY(const std::string content, parse_content(fields, assistant));
  json::object message;
  message["role"] = *role == "developer" ? "system" : *role;
  message["content"] = content;
  for (const char* name : {"name", "reasoning_content", "tool_call_id"}) {
    ONDOL_TRY(const std::optional<std::string> text, fields.string(name));
    if (text) message[name] = *text;
  }
  ONDOL_TRY(const std::optional<std::string> reasoning, fields.string("reasoning"));
  if (reasoning && assistant) message.emplace("reasoning_content", *reasoning);
  if (*role == "tool") ONDOL_TRY_STATUS(check_tool_message(fields, ids));
  if (calls == nullptr || calls->empty()) return message;
  if (!assistant) return invalid_request(path + ".tool_calls", path + ".tool_calls belongs to messages of the assistant only.");
  ONDOL_TRY(message["tool_calls"], parse_calls(*calls, path + ".tool_calls", ids));
  return message;
}

}  // namespace

ApiResult<json::array> parse_messages(FieldReader& fields, const RequestLimits& limits) {
  ONDOL_TRY(const json::array* array, fields.array("messages"));
  if (array == nullptr || array->empty()) return invalid_request("messages", "messages must be an array of at least one message.");
  if (array->size() > limits.max_messages) {
    return invalid_request("messages", "messages has " + std::to_string(array->size()) + " entries; at most " +
                                           std::to_string(limits.max_messages) + " are accepted.");
  }
  json::array messages;
  std::set<std::string> call_ids;
  for (size_t i = 0; i < array->size(); ++i) {
    ONDOL_TRY(json::object message, parse_message((*array)[i], "messages[" + std::to_string(i) + "]", call_ids));
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace ondol
