// Private to this room: the answer of an OpenAI server's stream (chat/completions or completions), from bytes to texts.
//
// Owner: one request of a TextRelay; one thread. What comes in is not trusted: bounded by kMaxEventBytes and the JSON depth.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/client.h"

namespace ondol {

class RelayReader {
 public:
  static constexpr size_t kMaxEventBytes = 1 << 20;

  using OnText = std::function<void(std::string)>;

  // Calls on_text with the text of each event that has one. kDataLoss: not the stream of such a server; kUnavailable: it says that it has
  // failed. Push no more after an error.
  Status push(std::string_view bytes, const OnText& on_text);

  // Why the answer ended: "stop" or "length"; "" while it has not.
  std::string_view finish() const { return finish_; }

 private:
  Status take(std::string_view data, const OnText& on_text);

  SseReader events_{kMaxEventBytes};
  std::string_view finish_;
};

}  // namespace ondol
