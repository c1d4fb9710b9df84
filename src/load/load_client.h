// One request to an OpenAI-compatible server, streamed and timed.
//
// Blocking; any thread. Bounded: the answer (answer_reader.h), 1 MiB of any other answer, LoadTarget::timeout_s without a byte; the caller
// ends a request that takes longer in all by raising `stop`.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "load/sample.h"

namespace ondol {

enum class LoadEndpoint { kChat, kCompletions };

struct LoadTarget {
  std::string url = {};  // "http://127.0.0.1:8080", without a trailing slash and without /v1
  std::string model = {};
  LoadEndpoint endpoint = LoadEndpoint::kChat;
  std::string api_key = {};    // sent as a bearer token if not empty
  double temperature = 0;      // negative = not sent: the server's choice
  bool standard_only = false;  // leave out ignore_eos, which OpenAI's API does not know: answers may then end early
  int timeout_s = 600;
};

// "http://host:8000/v1/" -> "http://host:8000". kInvalidArgument if it is no http(s) URL.
Result<std::string> server_root(const std::string& url);

std::string load_request_body(const LoadTarget& target, const std::string& prompt, int output_tokens);

// The first of /v1/models. Errors say what to do: no server, no model, a key that is refused.
Result<std::string> first_model(const LoadTarget& target);

// Sends `body` and fills the sample: times by `clock` less `start_us`, tokens, error. `on_chunk` (may be null) is called for every piece
// that came. `stop` ends the request within 0.1 s; the sample is then kTimeout, and the caller knows better if it was not.
void send_request(const LoadTarget& target, const std::string& body, const Clock& clock, int64_t start_us, const std::atomic<bool>& stop,
                  const std::function<void(const RequestSample&)>& on_chunk, RequestSample& sample);

}  // namespace ondol
