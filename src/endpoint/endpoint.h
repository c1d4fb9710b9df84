// Something that answers the OpenAI API: the engine in this process, furiosa-llm, vLLM, another Ondol, any server.
//
// Owner: a registry or a node. Any thread; `send` never blocks. Bodies pass through as bytes: an endpoint neither reads nor rebuilds them.
// Bounded: max_in_flight requests (more: kResourceExhausted at once), and EndpointOptions' limits on what an answer may send.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/http.h"

namespace ondol {

enum class EndpointKind { kBuiltin, kFuriosaLlm, kVllm, kOpenAi, kOndol };
std::string_view endpoint_kind_name(EndpointKind kind);
Result<EndpointKind> parse_endpoint_kind(std::string_view name);

struct EndpointRequest {
  std::string method = "POST";
  std::string target;  // "/v1/chat/completions", with its query
  HttpHeaders headers;
  std::string body;
  int64_t first_byte_timeout_us = 0, idle_timeout_us = 0;  // 0 = the endpoint's defaults
};

// Takes one answer. Calls come one after the other on a thread of the endpoint, and must not block: on_head once, on_data..., on_end once.
// Without an answer only on_end comes, with an error: kUnavailable (cannot connect, closed before an answer), kDeadlineExceeded,
// kDataLoss (cut off in the middle, not HTTP, too large), kCancelled.
class EndpointSink {
 public:
  virtual ~EndpointSink() = default;
  virtual void on_head(int status, const HttpHeaders& headers) = 0;
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end(const Status& status) = 0;
};

// How an endpoint is reached and what its answers may take; the built-in one ignores what is about sockets.
struct EndpointOptions {
  std::string name = {};     // for people and logs; empty = the URL
  std::string api_key = {};  // sent as a bearer token instead of the request's own Authorization; empty = that one passes
  size_t max_in_flight = 1024;
  int64_t connect_timeout_us = 5'000'000;
  int64_t first_byte_timeout_us = 600'000'000;  // to a whole answer head
  int64_t idle_timeout_us = 300'000'000;        // without a byte in the middle of an answer
  int64_t probe_timeout_us = 2'000'000;         // of probe, load and capabilities
  uint64_t max_body_bytes = uint64_t{1} << 30;  // of one answer
};

struct EndpointModel {
  std::string id;
  std::optional<int64_t> max_context;
};

struct EndpointCapabilities {
  std::vector<EndpointModel> models;
  bool multiple_choices = true;  // n > 1
  bool responses = true, embeddings = true, structured_outputs = true, tools = true;
  bool model_is_ignored = false;  // furiosa-llm answers whatever "model" says
  std::string version;            // fingerprint of /version
};

enum class EndpointState { kUnknown, kReady, kNotReady, kDown };
std::string_view endpoint_state_name(EndpointState state);  // "unknown", "ready", "not ready", "down"

struct EndpointLoad {
  std::optional<int64_t> running, waiting;
  std::optional<double> kv_used;  // 0..1; none where the engine's figure says nothing (furiosa-llm with its prefix cache)
  std::optional<double> prefix_hit_rate;
  std::optional<int64_t> prompt_tokens_total, generated_tokens_total;
};

class Endpoint {
 public:
  virtual ~Endpoint() = default;  // cancels what is in flight and waits for its ends; no call comes after. Not from a sink or callback.
  virtual const std::string& name() const = 0;
  virtual EndpointKind kind() const = 0;
  virtual Result<uint64_t> send(EndpointRequest request, std::shared_ptr<EndpointSink> sink) = 0;
  virtual void cancel(uint64_t id) = 0;  // on_end(kCancelled) follows unless it has ended

  // Ask the endpoint, and call back on its thread.
  virtual void probe(std::function<void(EndpointState, std::string reason)> then) = 0;
  virtual void load(std::function<void(Result<EndpointLoad>)> then) = 0;
  virtual void capabilities(std::function<void(Result<EndpointCapabilities>)> then) = 0;
};

}  // namespace ondol
