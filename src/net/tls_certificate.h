// Private to this room: the server's certificate and key, read again when their files change.
//
// Owner: ServerCore. Any thread (a mutex; the files are looked at once a second at most). OpenSSL stays in the .cc.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_watch.h"

struct ssl_ctx_st;

namespace ondol {

class TlsCertificate {
 public:
  // Paths of PEM files: the certificate with its chain, and its private key. Errors name the file and what is wrong with it.
  static Result<std::unique_ptr<TlsCertificate>> load(const std::string& certificate, const std::string& key);

  // What a new connection uses: TLS 1.2 or later, forward secrecy, no renegotiation. While changed files cannot be used (one of the two is
  // not replaced yet, say) it is the last good pair, and the log says why.
  std::shared_ptr<ssl_ctx_st> current();

 private:
  TlsCertificate(std::string certificate, std::string key);

  const std::string certificate_, key_;
  const SteadyClock clock_;
  std::mutex mutex_;
  FileWatch watch_;
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace ondol
