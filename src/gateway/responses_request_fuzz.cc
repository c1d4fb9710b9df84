// A body of any bytes as a Responses API request, then as the next turn of what it said: an error or a chat completion, never more.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/chat_request.h"
#include "gateway/json_scan.h"
#include "gateway/responses_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(text, {.max_bytes = 1 << 16, .max_depth = 16, .max_values = 4096});
  if (!value) return 0;
  const ManualClock clock;
  ResponsesStore store({.max_entries = 4}, clock);
  IdSource ids(1);
  const auto request = parse_responses_request(*value, store, "owner", ids);
  if (!request) {
    if (error_json(responses_error(request.error())).empty()) __builtin_trap();
    return 0;
  }
  if (request->items.empty() || request->chat.at("messages").as_array().empty()) __builtin_trap();
  (void)parse_chat_request(request->chat);
  boost::json::object response{{"id", "resp_1"}, {"output", boost::json::array()}};
  store.begin("owner", response, request->items, {});
  store.finish("owner", response);
  // Every call has its output, or the first turn would have been refused: so the next one is fine.
  const boost::json::value next{{"model", "m"}, {"input", "more"}, {"previous_response_id", "resp_1"}};
  const auto second = parse_responses_request(next, store, "owner", ids);
  if (!second || second->items.size() != request->items.size() + 1) __builtin_trap();
  if (!store.erase("owner", "resp_1") || store.bytes() != 0) __builtin_trap();
  return 0;
}
