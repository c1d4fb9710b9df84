#include "net/tls_files.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace ondol {
namespace {

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

}  // namespace

std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? "" : std::string(" (") + reason + ")";
}

Status use_certificate(ssl_ctx_st& context, const std::string& certificate, const std::string& key) {
  if (certificate.empty()) return fail(Code::kInvalidArgument, "there is a TLS key but no certificate; give both or none");
  if (key.empty()) return fail(Code::kInvalidArgument, "there is a TLS certificate but no key; give both or none");
  ONDOL_TRY_STATUS(check_readable("certificate", certificate));
  ONDOL_TRY_STATUS(check_readable("key", key));
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(&context, certificate.c_str()) != 1) {
    return wrong("certificate", certificate, "cannot be used: it must be a certificate in PEM form" + openssl_reason());
  }
  return use_key(context, key, certificate);
}

Status use_authorities(ssl_ctx_st& context, const std::string& ca_file) {
  ONDOL_TRY_STATUS(check_readable("CA file", ca_file));
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(&context, ca_file.c_str()) != 1) {
    return wrong("CA file", ca_file, "cannot be used: it must hold certificates in PEM form" + openssl_reason());
  }
  return {};
}

}  // namespace ondol
