// An asynchronous HTTP/1.1 client: many requests at once on a few threads of its own, answers handed on piece by piece.
//
// Owner: whoever starts it; several users may share one. `send` and `cancel` from any thread, never block. Each request belongs to one of
// the client's threads and its sink is called there. Bounded: max_in_flight requests, one input buffer per connection (16 KiB when idle,
// at most 64 KiB or one header block; TLS takes some 100 KiB besides), kept connections by number and age; an answer's bytes are not
// collected here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"
#include "net/url.h"

namespace ondol {

struct AsyncClientOptions {
  int threads = 1;
  size_t max_in_flight = 65536;
  size_t max_header_bytes = 64 << 10;      // of an answer, trailers included
  int64_t connect_timeout_us = 5'000'000;  // with name and TLS handshake
  // Connections kept open behind an answer: of each thread, and how long without a request.
  size_t max_idle_per_origin = 64, max_idle = 1024;
  int64_t idle_connection_us = 30'000'000;
  // Of https: TLS 1.2 or later, the server's certificate checked for its signer, time and host. PEM files, read once, at the start.
  std::string ca_file = {};                              // whom to trust instead of the system's authorities
  std::string client_certificate = {}, client_key = {};  // shown to servers that ask for one (mTLS); both or none
  bool insecure_skip_verify = false;                     // for tests only: whoever is in between reads and changes everything
};

struct AsyncRequest {
  std::string method = "POST";
  Url url;
  HttpHeaders headers;                          // Host, Connection, Content-Length and other framing headers are the client's own: left out
  std::string body;                             // sent from here, not copied
  int64_t first_byte_timeout_us = 600'000'000;  // from the request's last byte to a whole answer head
  int64_t idle_timeout_us = 300'000'000;        // without a byte: of the request taken, or of the answer's body sent
  uint64_t max_body_bytes = uint64_t{1} << 30;
};

// Takes one answer. Calls come one after the other on one thread of the client and must not block: on_head once, on_data..., on_end once.
// Without an answer only on_end comes: kUnavailable (cannot connect, certificate refused, closed before an answer), kDeadlineExceeded,
// kDataLoss (cut off in the middle, not HTTP, too large), kCancelled. Statuses of HTTP are not errors.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual void on_head(int status, const HttpHeaders& headers) = 0;
  virtual void on_data(std::string_view bytes) = 0;  // the body, unchunked, as it came
  virtual void on_end(const Status& status) = 0;
};

struct AsyncClientStats {
  uint64_t opened = 0;   // connections, since the start
  uint64_t reused = 0;   // requests that found a kept one
  uint64_t retried = 0;  // requests sent again because a kept connection had been closed
  uint64_t resumed = 0;  // of those opened: TLS sessions taken up again
  uint64_t idle = 0;     // kept connections now
};

class AsyncClient {
 public:
  static std::unique_ptr<AsyncClient> start(const AsyncClientOptions& options = {});
  // What is in flight ends with kCancelled before this returns; no call comes after. Not from a sink.
  virtual ~AsyncClient() = default;

  // The id to cancel with. A request whose kept connection turns out to be closed before a byte of an answer came is sent once more on a
  // new one. Fails at once with kInvalidArgument (method, target), kResourceExhausted (max_in_flight), or as check_https.
  virtual Result<uint64_t> send(AsyncRequest request, std::shared_ptr<HttpSink> sink) = 0;
  // Closes the request's connection, which is how HTTP/1.1 tells the other side; on_end(kCancelled) follows unless it has ended.
  virtual void cancel(uint64_t id) = 0;
  // Whether the caller is on one of the client's threads, where it must not wait for an answer.
  virtual bool on_thread() const = 0;
  // Why https cannot be sent, if so: kInvalidArgument names the file among the options that cannot be used.
  virtual Status check_https() const = 0;
  virtual AsyncClientStats stats() const = 0;
};

}  // namespace ondol
