// Items of a conversation to chat messages.
#include <algorithm>
#include <boost/json.hpp>

#include "gateway/responses_items.h"

namespace ondol {
namespace {

namespace json = boost::json;

std::string_view string_at(const json::object& item, std::string_view name) {
  const json::value* value = item.if_contains(name);
  return value == nullptr || !value->is_string() ? std::string_view() : std::string_view(value->get_string());
}

// A string, or text parts joined by a line break, as chat completions join them.
std::string text_at(const json::object& item, std::string_view name) {
  const json::value* value = item.if_contains(name);
  if (value == nullptr || !value->is_array()) return std::string(string_at(item, name));
  std::string joined;
  for (const json::value& part : value->get_array()) {
    const json::object* object = part.if_object();
    if (object == nullptr) continue;
    if (!joined.empty()) joined += '\n';
    joined += string_at(*object, object->contains("refusal") ? "refusal" : "text");
  }
  return joined;
}

class ChatBuilder {
 public:
  void system(std::string_view text) {
    if (json::object* last = last_of("system")) {
      const std::string joined = std::string(string_at(*last, "content")) + "\n\n" + std::string(text);
      (*last)["content"] = joined;
    } else {
      push("system", text);
    }
  }

  ApiResult<void> add(const json::object& item) {
    const std::string_view type = string_at(item, "type");
    if (type == "message") message(item);
    if (type == "reasoning") reasoning(item);
    if (type == "function_call") call(item);
    if (type == "function_call_output") return output(item);
    return {};
  }

  ApiResult<json::array> finish() {
    const auto open = std::find_if(calls_.begin(), calls_.end(), [](const Call& call) { return !call.answered; });
    if (open != calls_.end()) return invalid_request("input", "No tool output found for function call " + quoted(open->id, 80) + ".");
    return std::move(messages_);
  }

 private:
  struct Call {
    std::string id;
    bool answered = false;
  };

  json::object& push(std::string_view role, std::string_view content) {
    json::object message;
    message["role"] = role;
    message["content"] = content;
    return messages_.emplace_back(std::move(message)).get_object();
  }

  json::object* last_of(std::string_view role) {
    if (messages_.empty() || string_at(messages_.back().get_object(), "role") != role) return nullptr;
    return &messages_.back().get_object();
  }

  void message(const json::object& item) {
    const std::string_view role = string_at(item, "role");
    const std::string text = text_at(item, "content");
    if (role == "system" || role == "developer") return system(text);
    json::object* last = role == "assistant" ? last_of("assistant") : nullptr;
    if (last != nullptr && string_at(*last, "content").empty() && !last->contains("tool_calls")) {
      (*last)["content"] = text;
    } else {
      push(role, text);
    }
  }

  void reasoning(const json::object& item) {
    std::string text = text_at(item, "content");
    if (text.empty()) text = text_at(item, "summary");
    if (!text.empty()) push("assistant", "")["reasoning_content"] = text;
  }

  void call(const json::object& item) {
    json::object* last = last_of("assistant");
    json::object& message = last != nullptr ? *last : push("assistant", "");
    json::value& calls = message["tool_calls"];
    if (!calls.is_array()) calls = json::array();
    calls.get_array().push_back({{"id", string_at(item, "call_id")},
                                 {"type", "function"},
                                 {"function", {{"name", string_at(item, "name")}, {"arguments", string_at(item, "arguments")}}}});
    calls_.push_back({std::string(string_at(item, "call_id"))});
  }

  ApiResult<void> output(const json::object& item) {
    const std::string_view id = string_at(item, "call_id");
    // From the back: the call is nearly always the last one or close to it.
    const auto call = std::find_if(calls_.rbegin(), calls_.rend(), [&](const Call& made) { return made.id == id; });
    if (call == calls_.rend()) {
      return invalid_request("input", "No tool call found for function call output with call_id " + quoted(id, 80) + ".");
    }
    call->answered = true;
    push("tool", text_at(item, "output"))["tool_call_id"] = id;
    return {};
  }

  json::array messages_;
  std::vector<Call> calls_;
};

}  // namespace

ApiResult<json::array> chat_messages(std::string_view instructions, const std::vector<ConversationItem>& items) {
  ChatBuilder chat;
  if (!instructions.empty()) chat.system(instructions);
  for (const ConversationItem& item : items) ONDOL_TRY_STATUS(chat.add(*item));
  return chat.finish();
}

}  // namespace ondol
