// A body of any bytes as a Messages request: an error that names it, or a chat whose messages are those of a chat.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "messages/answer_json.h"
#include "messages/messages_error.h"
#include "messages/messages_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_answer_json(text);
  if (!value) return 0;
  const auto request = parse_messages_request(*value);
  const auto count = parse_count_tokens_request(*value);
  if (request && !count) __builtin_trap();
  if (!request) {
    if (request.error().status != 400 || request.error().message.empty()) __builtin_trap();
    if (messages_error_response(request.error(), "").body.empty()) __builtin_trap();
    return 0;
  }
  for (const auto& message : request->chat.at("messages").as_array()) {
    const auto& role = message.at("role");
    if (role != "system" && role != "user" && role != "assistant" && role != "tool") __builtin_trap();
    if ((role == "tool") != message.as_object().contains("tool_call_id")) __builtin_trap();
    if (!message.as_object().contains("content")) __builtin_trap();
  }
  return 0;
}
