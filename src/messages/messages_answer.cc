#include "messages/messages_answer.h"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/answer_json.h"

namespace ondol {
namespace {

namespace json = boost::json;

std::unexpected<ApiError> bad_answer(std::string message) { return std::unexpected(bad_engine_answer(std::move(message))); }

ApiResult<void> add_calls(const json::array& calls, bool cut, std::string_view id, json::array& content) {
  for (size_t i = 0; i < calls.size(); ++i) {
    const json::object* call = calls[i].if_object();
    const json::object* function = object_at(call, "function");
    const std::string_view name = text_at(function, "name"), arguments = text_at(function, "arguments");
    if (name.empty()) return bad_answer("The engine's answer has a tool call without a name.");
    // Some engines write nothing where a function takes nothing.
    const bool blank = arguments.find_first_not_of(" \t\r\n") == std::string_view::npos;
    std::optional<json::value> input = blank ? json::value(json::object()) : parse_answer_json(arguments);
    if (!input || !input->is_object()) {
      if (cut && i + 1 == calls.size()) return {};
      return bad_answer("The model called " + quoted(name, 70) + " with arguments that are no JSON object; ask again.");
    }
    std::string call_id(text_at(call, "id"));
    if (call_id.empty()) call_id = "toolu_" + std::string(id) + "_" + std::to_string(i);
    content.push_back(tool_use_block(call_id, name, std::move(input->get_object())));
  }
  return {};
}

}  // namespace

ApiError bad_engine_answer(std::string message) {
  ApiError error;
  error.status = 502;
  error.message = std::move(message);
  return error;
}

ApiResult<json::object> message_from_chat(const json::value& answer, std::string_view id) {
  const json::object* body = answer.if_object();
  const json::array* choices = array_at(body, "choices");
  const json::object* choice = choices == nullptr || choices->empty() ? nullptr : (*choices)[0].if_object();
  const json::object* message = object_at(choice, "message");
  if (message == nullptr) return bad_answer("The engine's answer is no chat completion: it has no choices[0].message.");
  std::string_view finish = text_at(choice, "finish_reason");
  json::array content;
  if (const std::string_view text = reasoning_in(message); !text.empty()) content.push_back(thinking_block(text));
  std::string_view text = text_at(message, "content");
  if (const std::string_view refusal = text_at(message, "refusal"); text.empty() && !refusal.empty()) {
    text = refusal;
    finish = "content_filter";
  }
  if (!text.empty()) content.push_back(text_block(text));
  const size_t before_calls = content.size();
  if (const json::array* calls = array_at(message, "tool_calls")) {
    ONDOL_TRY_STATUS(add_calls(*calls, finish == "length", id, content));
  }
  const bool calls_tools = content.size() > before_calls;
  StopFields stop = stop_fields(finish, text_at(choice, "stop_reason"), calls_tools);
  json::object out = open_message(id, text_at(body, "model"), std::move(content), messages_usage(object_at(body, "usage")));
  out["stop_reason"] = std::move(stop.reason);
  out["stop_sequence"] = std::move(stop.sequence);
  return out;
}

ApiResult<json::object> token_count_from_tokenize(const json::value& answer) {
  const json::object* body = answer.if_object();
  if (body == nullptr || !body->contains("count") || !body->at("count").is_int64()) {
    return bad_answer("The engine's answer to /tokenize has no count.");
  }
  return json::object{{"input_tokens", count_at(body, "count")}};
}

StopFields stop_fields(std::string_view finish_reason, std::string_view stop_sequence, bool calls_tools) {
  if (finish_reason == "length") return {"max_tokens", nullptr};
  if (finish_reason == "content_filter") return {"refusal", nullptr};
  if (finish_reason == "stop" && !stop_sequence.empty()) return {"stop_sequence", json::value(stop_sequence)};
  // Some engines end a call that they were told to make with "stop".
  return {calls_tools ? "tool_use" : "end_turn", nullptr};
}

json::object messages_usage(const json::object* usage) {
  const json::object* completion = object_at(usage, "completion_tokens_details");
  const int64_t prompt = count_at(usage, "prompt_tokens");
  const int64_t cached = std::min(count_at(object_at(usage, "prompt_tokens_details"), "cached_tokens"), prompt);
  json::object out;
  out["input_tokens"] = prompt - cached;
  out["cache_creation_input_tokens"] = 0;
  out["cache_read_input_tokens"] = cached;
  out["cache_creation"] = nullptr;
  out["output_tokens"] = count_at(usage, "completion_tokens");
  out["output_tokens_details"] = nullptr;
  if (completion != nullptr && completion->contains("reasoning_tokens")) {
    out["output_tokens_details"] = {{"thinking_tokens", count_at(completion, "reasoning_tokens")}};
  }
  out["server_tool_use"] = nullptr;
  out["service_tier"] = "standard";
  if (const json::object* account = object_at(usage, "ondol")) out["ondol"] = *account;
  return out;
}

json::object open_message(std::string_view id, std::string_view model, json::array content, json::object usage) {
  json::object out;
  out["id"] = id;
  out["type"] = "message";
  out["role"] = "assistant";
  out["model"] = model;
  out["content"] = std::move(content);
  for (const char* name : {"stop_reason", "stop_sequence", "stop_details", "container", "diagnostics"}) out[name] = nullptr;
  out["usage"] = std::move(usage);
  return out;
}

// No signature: what comes back is not checked.
json::object thinking_block(std::string_view text) { return {{"type", "thinking"}, {"thinking", text}, {"signature", ""}}; }

json::object text_block(std::string_view text) { return {{"type", "text"}, {"text", text}, {"citations", nullptr}}; }

json::object tool_use_block(std::string_view id, std::string_view name, json::object input) {
  json::object out;
  out["type"] = "tool_use";
  out["id"] = id;
  out["name"] = name;
  out["input"] = std::move(input);
  out["caller"] = {{"type", "direct"}};
  return out;
}

std::string_view reasoning_in(const json::object* message) {
  const std::string_view text = text_at(message, "reasoning_content");
  return text.empty() ? text_at(message, "reasoning") : text;
}

}  // namespace ondol
