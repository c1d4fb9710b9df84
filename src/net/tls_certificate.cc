#include "net/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "net/tls_files.h"

namespace ondol {
namespace {

// For TLS 1.2; those of 1.3 are all sound. Ephemeral keys and authenticated encryption only.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// HTTP/1.1 for a client that offers it by ALPN (`chosen` points into the list, which outlives the call); one that offers something else
// only will find out by itself.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered, unsigned offered_bytes,
                    void*) {
  static constexpr unsigned char kOurs[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* out = nullptr;
  if (SSL_select_next_proto(&out, length, kOurs, sizeof kOurs, offered, offered_bytes) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<SSL_CTX>> load_context(const std::string& certificate, const std::string& key) {
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (context == nullptr) return fail(Code::kInternal, "cannot set up TLS" + openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // clients resume by tickets, which cost the server nothing
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1) return fail(Code::kInternal, "cannot set up TLS" + openssl_reason());
  ONDOL_TRY_STATUS(use_certificate(*context, certificate, key));
  if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context.get()))) < 0) {
    spdlog::warn("the TLS certificate {} has expired: clients will refuse it", quoted(certificate, 200));
  }
  return context;
}

}  // namespace

TlsCertificate::TlsCertificate(std::string certificate, std::string key)
    : certificate_(std::move(certificate)), key_(std::move(key)), watch_({certificate_, key_}, clock_) {}

Result<std::unique_ptr<TlsCertificate>> TlsCertificate::load(const std::string& certificate, const std::string& key) {
  std::unique_ptr<TlsCertificate> out(new TlsCertificate(certificate, key));
  ONDOL_TRY(out->context_, load_context(certificate, key));
  return out;
}

std::shared_ptr<ssl_ctx_st> TlsCertificate::current() {
  const std::scoped_lock lock(mutex_);
  if (!watch_.changed()) return context_;
  Result<std::shared_ptr<SSL_CTX>> context = load_context(certificate_, key_);
  if (context) {
    context_ = std::move(*context);
    spdlog::info("the TLS certificate {} was renewed", quoted(certificate_, 200));
  } else {
    spdlog::warn("{}; the last certificate stays in use", context.error().message);
  }
  return context_;
}

}  // namespace ondol
