// What a connection does besides when it is encrypted; see TlsSession.
#include <boost/asio/buffer.hpp>

#include "net/connection.h"

namespace ondol {
namespace {

using boost::system::error_code;

// A client that makes TLS talk (key updates, refused renegotiations) without reading what it says.
constexpr size_t kMaxOutput = 64 << 10;

}  // namespace

// As read(), which made room behind end_.
void Connection::read_encrypted() {
  const bool ready_before = tls_->ready();
  const size_t bytes = tls_->decrypt(input_.get() + end_, input_size_ - end_);
  if (!writing_ && !send_tls_output() && !ready_before && tls_->ready()) flush();  // an answer may have waited for the handshake
  if (phase_ == Phase::kClosed) return;
  if (bytes > 0) return received(bytes);
  if (tls_->over() || tls_->output_bytes() > kMaxOutput) return close();
  if (reading_) return;
  reading_ = true;
  const auto space = tls_->space();
  socket_.async_read_some(asio::buffer(space.data(), space.size()), [self = shared_from_this()](error_code ec, size_t received) {
    self->reading_ = false;
    if (self->phase_ == Phase::kClosed) return;
    if (ec) return self->close();
    self->received_encrypted(received);
  });
}

void Connection::received_encrypted(size_t bytes) {
  if (phase_ == Phase::kLingering) return received(bytes);  // only counted
  if (tls_->received(bytes)) return read();
  tls_.reset();
  if (place_ == ServerCore::Place::kRefused) return flush();  // the refusal is there, and waited for the handshake
  refuse({400, "plain_http", "this port takes encrypted connections only: use https:// in the URL"});
}

// Sends what TLS has to say by itself; false if that is nothing. Only while no write is pending.
bool Connection::send_tls_output() {
  sending_.clear();
  if (!tls_->take_output(sending_)) return false;
  sent_ = 0;
  send();
  return true;
}

}  // namespace ondol
