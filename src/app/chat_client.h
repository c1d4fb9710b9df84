// A conversation with a running server: one streamed chat completion at a time.
//
// Owner: `ondol chat`; called on one thread. The request runs on a thread of its own, so that an interrupted answer gives the prompt back
// at once even while the server still reads a long prompt. Bounded by the HTTP client's limits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

struct ChatTurn {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct ChatCall {
  std::string url;  // of the server, "http://127.0.0.1:8080"
  std::string model;
  std::vector<ChatTurn> turns;
  int max_tokens = 0;  // 0 = the server's choice
  std::optional<double> temperature;
};

struct ChatAnswer {
  std::string text;
  std::string finish_reason;
  bool interrupted = false;
  int64_t first_token_us = -1;  // from sending the request to the first text; -1 = there was none
  int64_t total_us = 0;
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;
};

std::string chat_request_body(const ChatCall& call);

// Takes the `data:` lines of a streamed completion apart.
class ChatStreamReader {
 public:
  // Returns the text of one event (often empty). kDataLoss when it is no chat event; a server's error event comes back as its message.
  Result<std::string> event(std::string_view data);
  bool done() const { return done_; }
  // finish_reason and usage so far; text and times are left alone.
  void fill(ChatAnswer& answer) const;

 private:
  bool done_ = false;
  std::string finish_reason_;
  int prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0;
};

// `on_text` gets each piece on the calling thread; `stopped` is asked every 50 ms, true gives up the answer (`interrupted`).
Result<ChatAnswer> stream_chat(const ChatCall& call, const std::function<void(std::string_view)>& on_text,
                               const std::function<bool()>& stopped);

// The first model that the server lists. kUnavailable says how to start a server.
Result<std::string> first_served_model(const std::string& url);

}  // namespace ondol
