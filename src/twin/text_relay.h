// What a twin says if it is not filler: the words of a real server, which is asked for every answer.
//
// Owner: a twin engine's run, shared with its surface; ends after both the surface's server and its answers' last call. Any thread. It has
// one thread of its own, on which listeners are called. Bounded: kMaxInFlight questions; the bytes of an answer by the tokens asked for.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "net/async_client.h"

namespace ondol {

struct TextRelayOptions {
  std::string url;      // "http://127.0.0.1:8080", with or without "/v1" behind it
  std::string model;    // as that server lists it
  std::string api_key;  // "" = none is sent
};

// The requests to the server, and the text that its answer carries.
struct RelayQuestion {
  bool chat = true;          // /v1/chat/completions, else /v1/completions
  boost::json::object body;  // the client's messages or prompt and its sampling; model, length and streaming are the relay's to set
};
// The fields that say how to sample, as they are in `body`.
boost::json::object relay_sampling(const boost::json::object& body);

// On the relay's thread; must not block.
class RelayListener {
 public:
  virtual ~RelayListener() = default;
  // One event of the server's stream, which stands for one token.
  virtual void heard(std::string text) = 0;
  // Once, unless it was cancelled: "stop" or "length", or why it failed.
  virtual void ended(const Result<std::string>& finish) = 0;
};

class TextRelay {
 public:
  static constexpr size_t kMaxInFlight = 4096;

  // Does not ask whether somebody is there. kInvalidArgument: no http:// address.
  static Result<std::shared_ptr<TextRelay>> start(const TextRelayOptions& options);
  explicit TextRelay(TextRelayOptions options, Url url);

  // The id to cancel with.
  Result<uint64_t> ask(const RelayQuestion& question, int64_t max_tokens, std::shared_ptr<RelayListener> listener);
  void cancel(uint64_t id) { client_->cancel(id); }

  const TextRelayOptions& options() const { return options_; }
  void note_problem(const std::string& message);
  std::string last_problem() const;  // "" = there was none

 private:
  const TextRelayOptions options_;
  const Url url_;  // of the server; its target is the path before "/v1"
  mutable std::mutex mutex_;
  std::string problem_;
  const std::unique_ptr<AsyncClient> client_;
};

// An address that `start` would take.
Result<Url> parse_relay_url(const std::string& text);

}  // namespace ondol
