// Any bytes as the lines of a chat's events: what comes out is a well-formed stream, with at most one end, and a whole answer never aborts.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "messages/answer_json.h"
#include "messages/messages_answer.h"
#include "messages/messages_stream.h"

namespace {

struct Seen {
  int64_t index = -1;
  bool open = false, ended = false;
};

// Traps where a client would be confused.
void check(std::string_view text, Seen& seen) {
  while (!text.empty()) {
    const size_t line = text.find("\ndata: "), end = text.find("\n\n");
    if (line == std::string_view::npos || end == std::string_view::npos || seen.ended) __builtin_trap();
    const auto event = boost::json::parse(text.substr(line + 7, end - line - 7));
    const auto& type = event.at("type");
    if (type == "content_block_start") {
      if (seen.open || event.at("index").as_int64() != ++seen.index) __builtin_trap();
      seen.open = true;
    } else if (type == "content_block_delta" || type == "content_block_stop") {
      if (!seen.open || event.at("index").as_int64() != seen.index) __builtin_trap();
      seen.open = type == "content_block_delta";
    } else if (type == "message_delta" && seen.open) {
      __builtin_trap();
    }
    seen.ended = type == "message_stop" || type == "error";
    text.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto whole = ondol::parse_answer_json(text)) {
    const auto message = ondol::message_from_chat(*whole, "msg_1");
    if (!message && message.error().message.empty()) __builtin_trap();
  }
  ondol::MessagesStream stream("msg_1", "req_1");
  Seen seen;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    check(stream.event(text.substr(0, end)), seen);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  check(stream.end(), seen);
  if (!seen.ended || !stream.over() || !stream.event("[DONE]").empty()) __builtin_trap();
  return 0;
}
