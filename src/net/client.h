// A blocking HTTP/1.1 client with TLS (system trust store, host name checked), for the command line.
//
// Owner: a plain function, one connection per call. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace ondol {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://
  HttpHeaders headers;
  std::string body;
  int connect_timeout_s = 10;
  int idle_timeout_s = 60;                  // without a byte
  int max_redirects = 5;                    // https never goes on to http
  size_t max_body_bytes = 64 << 20;         // of a body that is collected; a body given to on_data is unbounded
  const std::atomic<bool>* stop = nullptr;  // if set: looked at ten times a second, once true the call fails with kCancelled
};

// Called for each piece of body (status in 200..299 only; other bodies are collected). Return false to stop: the call then fails with
// kCancelled. `total` is the Content-Length, -1 if unknown.
using BodyCallback = std::function<bool(std::string_view data, int64_t total)>;

// Fails with kUnavailable (cannot resolve, connect, TLS, redirects), kDeadlineExceeded, kInvalidArgument (URL, header, proxy), kDataLoss
// (cut off in the middle, not HTTP), kResourceExhausted (larger than max_body_bytes). HTTP statuses are not errors here: they are in the
// response. The proxy comes from the environment (see proxy.h), extra trusted certificates from SSL_CERT_FILE. Authorization and cookies
// are not sent on to another host.
Result<HttpResponse> http_fetch(const ClientRequest& request, const BodyCallback& on_data = {});

// Splits a stream of bytes into server-sent events; lines end by LF, CRLF or CR; bounded.
class SseReader {
 public:
  using OnEvent = std::function<void(std::string_view event, std::string_view data)>;

  explicit SseReader(size_t max_event_bytes = 4 << 20) : max_event_bytes_(max_event_bytes) {}
  // Calls on_event(event name, data) for each complete event. kResourceExhausted when one is too large: push no more then.
  Status push(std::string_view bytes, const OnEvent& on_event);

 private:
  void take_line(std::string_view line, const OnEvent& on_event);

  size_t max_event_bytes_;
  std::string line_, event_, data_;
  bool has_data_ = false, skip_lf_ = false;
};

}  // namespace ondol
