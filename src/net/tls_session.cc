#include "net/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>
#include <string_view>

namespace ondol {
namespace {

constexpr size_t kRecord = 16 << 10;          // the most that one TLS record holds
constexpr size_t kMaxWithoutData = 64 << 10;  // a handshake takes a few KiB, one record 16 KiB
constexpr size_t kKeptBytes = 16 << 10;

}  // namespace

void TlsSession::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsSession::TlsSession(const std::shared_ptr<ssl_ctx_st>& context) : ssl_(SSL_new(context.get())) {  // shares the context
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    throw std::bad_alloc();
  }
  SSL_set_bio(ssl_.get(), in, out);
  SSL_set_accept_state(ssl_.get());
}

TlsSession::~TlsSession() = default;

bool TlsSession::received(size_t bytes) {
  if (!begun_ && bytes > 0 && space_[0] >= 'A' && space_[0] <= 'Z') return false;  // a record of a handshake begins with 22
  begun_ = true;
  without_data_ += bytes;
  if (without_data_ > kMaxWithoutData) state_ = State::kBroken;
  if (BIO_write(SSL_get_rbio(ssl_.get()), space_.data(), static_cast<int>(bytes)) != static_cast<int>(bytes)) state_ = State::kBroken;
  return true;
}

size_t TlsSession::decrypt(char* into, size_t capacity) {
  size_t total = 0;
  ERR_clear_error();
  while (total < capacity && !over()) {
    size_t bytes = 0;
    if (SSL_read_ex(ssl_.get(), into + total, capacity - total, &bytes) == 1) {
      total += bytes;
      without_data_ = 0;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) break;
    state_ = error == SSL_ERROR_ZERO_RETURN ? State::kEnded : State::kBroken;
  }
  if (state_ == State::kHandshake && SSL_is_init_finished(ssl_.get())) state_ = State::kOpen;
  return total;
}

bool TlsSession::encrypt(std::string& bytes) {
  ERR_clear_error();
  sealed_.clear();
  for (std::string_view rest = bytes; !rest.empty();) {
    size_t taken = 0;
    if (SSL_write_ex(ssl_.get(), rest.data(), std::min(rest.size(), kRecord), &taken) != 1) {
      state_ = State::kBroken;
      return false;
    }
    rest.remove_prefix(taken);
    take_output(sealed_);
  }
  bytes.swap(sealed_);
  if (sealed_.capacity() > kKeptBytes) sealed_ = {};
  return true;
}

void TlsSession::say_goodbye() {
  ERR_clear_error();
  if (state_ == State::kOpen) SSL_shutdown(ssl_.get());
}

bool TlsSession::take_output(std::string& into) {
  const size_t bytes = output_bytes();
  if (bytes == 0) return false;
  const size_t before = into.size();
  into.resize(before + bytes);
  BIO_read(SSL_get_wbio(ssl_.get()), into.data() + before, static_cast<int>(bytes));
  return true;
}

size_t TlsSession::output_bytes() const { return BIO_ctrl_pending(SSL_get_wbio(ssl_.get())); }

}  // namespace ondol
