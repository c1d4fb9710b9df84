// An HTTP/1.1 server. Beast and Asio stay behind this header.
//
// Owner: whoever starts it. The handler runs on one of the server's few threads and must not block: it keeps the Exchange and answers
// later, from any thread. Bounded by HttpServerOptions; what exceeds a limit gets its proper status (400, 408, 413, 431, 503) and is
// closed. TCP_NODELAY is set on every accepted socket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/metrics.h"
#include "net/http.h"

namespace ondol {

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0 = any free one
  int threads = 1;
  // PEM files; both (HTTPS only, TLS 1.2 or later) or none. They are read again when they change: renewing them needs no restart.
  std::string tls_certificate, tls_key;
  size_t max_header_bytes = 64 << 10;
  size_t max_body_bytes = 32 << 20;
  // Of the bodies of all requests that are coming in or being answered, as they are allocated; a body that finds no room gets 503.
  size_t max_total_body_bytes = 512 << 20;
  size_t max_connections = 4096;
  size_t max_pending_bytes = 4 << 20;  // unsent bytes of one stream; a client that reads slower than that is cut off
  // From connecting (or the last response) to a whole header, the TLS handshake included; idle keep-alive connections end quietly.
  int header_timeout_s = 30;
  int body_timeout_s = 60;   // without a byte of body
  int write_timeout_s = 60;  // without a byte taken by the client
  // Called on a server thread when the header of a request has come and its body has not: an answer is sent at once, and the connection
  // closed without the body. Must not block or throw. Requests that come in one piece go to the handler, which has to check the same.
  std::function<std::optional<HttpResponse>(const HttpRequest& head)> answer_to_head = nullptr;
};

// One request and its answer. Answer exactly once: `respond`, or `begin_stream`, `write`..., `finish`. All calls are safe from any thread
// and never block; after the client is gone they do nothing. Dropping the last reference without an answer sends 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const HttpRequest& request() const = 0;
  virtual void respond(HttpResponse response) = 0;
  // Chunked transfer encoding. Each write is sent as one chunk at once.
  virtual void begin_stream(int status, const std::string& content_type, HttpHeaders headers) = 0;
  virtual void write(std::string data) = 0;
  virtual void finish() = 0;
  // Ends a stream that failed: closes the connection without the last chunk, so that the client knows it is incomplete.
  virtual void abort() = 0;
  // Called once (on a server thread) if the client leaves, or is cut off, before the answer is complete; at once if it is gone already.
  // A client that only ends its sending side counts as gone. Never called from inside another call, but from this one if the server has
  // stopped and has no threads any more.
  virtual void on_disconnect(std::function<void()> callback) = 0;
  virtual bool connected() const = 0;
  // Runs `task` on the server's thread, one of a connection's after the other, in the order of posting: an answer that is written there
  // goes out without waking another thread. Dropped when the server has stopped. The task must not throw or block.
  virtual void post(std::function<void()> task) = 0;
};

using HttpHandler = std::function<void(std::shared_ptr<Exchange>)>;

class HttpServer {
 public:
  // kUnavailable if the address is taken: says which and what to do; kInvalidArgument if the certificate cannot be used.
  // Metrics: ondol_http_connections, ondol_http_requests_total{status}.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, Registry& metrics, HttpHandler handler);
  virtual ~HttpServer() = default;  // as stop(0)
  virtual uint16_t port() const = 0;
  // Stops accepting, lets answers in progress end for at most `drain_s` seconds, closes the rest, joins the threads. Not from a handler
  // or callback: those run on the threads that it waits for.
  virtual void stop(int drain_s) = 0;
};

}  // namespace ondol
