#include "net/tls_certificate.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ondol {
namespace {

// For TLS 1.2; those of 1.3 are all sound. Ephemeral keys and authenticated encryption only.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? "" : std::string(" (") + reason + ")";
}

std::unexpected<Error> wrong(const std::string& what, const std::string& path, const std::string& problem) {
  return fail(Code::kInvalidArgument, "the TLS " + what + " " + quoted(path, 200) + " " + problem);
}

// OpenSSL's own message would not say which file, nor tell a missing one from a broken one.
Status check_readable(const std::string& what, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT) return wrong(what, path, "does not exist");
    if (errno == EACCES) return wrong(what, path, "may not be read by this user; change its owner or mode");
    return wrong(what, path, std::string("cannot be read: ") + std::strerror(errno));
  }
  struct stat info{};
  const bool file = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  ::close(fd);
  if (!file) return wrong(what, path, "is not a file");
  return {};
}

// Without this OpenSSL would ask for the passphrase on the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Status use_key(SSL_CTX& context, const std::string& path, const std::string& certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), &BIO_free);
  if (file == nullptr) return wrong("key", path, "cannot be read" + openssl_reason());
  bool asked = false;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, &asked),
                                                                &EVP_PKEY_free);
  if (asked) return wrong("key", path, "is protected by a passphrase; store it without one (openssl pkey -in KEY -out NEW)");
  if (key == nullptr) return wrong("key", path, "holds no private key in PEM form" + openssl_reason());
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1 || SSL_CTX_check_private_key(&context) != 1) {
    return wrong("key", path, "does not belong to the certificate " + quoted(certificate, 200) + openssl_reason());
  }
  return {};
}

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
  ONDOL_TRY_STATUS(check_readable("certificate", certificate));
  ONDOL_TRY_STATUS(check_readable("key", key));
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (context == nullptr) return fail(Code::kInternal, "cannot set up TLS" + openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // clients resume by tickets, which cost the server nothing
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1) return fail(Code::kInternal, "cannot set up TLS" + openssl_reason());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1) {
    return wrong("certificate", certificate, "cannot be used: it must be a certificate in PEM form" + openssl_reason());
  }
  ONDOL_TRY_STATUS(use_key(*context, key, certificate));
  if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context.get()))) < 0) {
    spdlog::warn("the TLS certificate {} has expired: clients will refuse it", quoted(certificate, 200));
  }
  return context;
}

}  // namespace

TlsCertificate::TlsCertificate(std::string certificate, std::string key)
    : certificate_(std::move(certificate)), key_(std::move(key)), watch_({certificate_, key_}, clock_) {}

Result<std::unique_ptr<TlsCertificate>> TlsCertificate::load(const std::string& certificate, const std::string& key) {
  if (certificate.empty()) return fail(Code::kInvalidArgument, "there is a TLS key but no certificate; give both or none");
  if (key.empty()) return fail(Code::kInvalidArgument, "there is a TLS certificate but no key; give both or none");
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
