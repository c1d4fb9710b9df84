// Private to this room: a connected socket, plain or TLS, whose calls block for at most a given time.
//
// Owner: one http_fetch. One thread. Asio and OpenSSL stay in the .cc.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

using Deadline = std::chrono::steady_clock::time_point;
inline Deadline seconds_from_now(int seconds) { return std::chrono::steady_clock::now() + std::chrono::seconds(seconds); }

class ClientSocket {
 public:
  // `stop`, if not null, is looked at ten times a second; once true, calls fail with kCancelled.
  explicit ClientSocket(const std::atomic<bool>* stop);
  ~ClientSocket();

  // Tries the addresses of `host` one after the other, each for its share of the time. kUnavailable, kDeadlineExceeded.
  Status connect(const std::string& host, uint16_t port, Deadline deadline);
  // TLS 1.2 or later; the certificate must be trusted by the system (or SSL_CERT_FILE, SSL_CERT_DIR) and be for `host`.
  Status start_tls(const std::string& host, Deadline deadline);
  Status write(std::string_view bytes, int idle_timeout_s);
  // 0 at the end of the stream; kDataLoss if it is cut off.
  Result<size_t> read(char* into, size_t capacity, Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ondol
