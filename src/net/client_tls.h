// Private to this room: the client's side of TLS, for both clients: whom it trusts, what it shows of itself, why a handshake failed.
//
// Owner: a context is shared by all connections of a client, from any thread; ClientSessions belong to one thread. OpenSSL stays in the
// .cc. Bounded: kMostSessions, of a few KiB each.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace ondol {

struct ClientTlsOptions {
  std::string ca_file = {};                // PEM; empty: the system's authorities (or SSL_CERT_FILE, SSL_CERT_DIR)
  std::string certificate = {}, key = {};  // PEM, shown to servers that ask for one; both or none
  bool insecure_skip_verify = false;
};

// TLS 1.2 or later, HTTP/1.1 by ALPN, no renegotiation. kInvalidArgument names the file that cannot be used.
Result<std::shared_ptr<ssl_ctx_st>> make_client_tls(const ClientTlsOptions& options);

// The state of one connection, for a stream to own. Its handshake fails unless the certificate is for `host`, a name or an IP address.
ssl_st* new_client_tls(ssl_ctx_st& context, const std::string& host);

// Why the handshake failed, and what to do. `remedy`: how authorities are named to this client ("give its CA with ca_file").
std::string handshake_problem(ssl_st& tls, const std::string& host, const boost::system::error_code& ec, std::string_view remedy);
// "; what to do" about what the other side said by TLS instead of going on; "" if that is not known.
std::string tls_advice(const boost::system::error_code& ec);

// Sessions to take up again, so that a further connection to an origin costs both sides no signature: one for each origin.
class ClientSessions {
 public:
  static constexpr size_t kMostSessions = 256;

  void keep(const std::string& origin, ssl_st& tls);  // of an open connection, if the server lets it be taken up again
  void resume(const std::string& origin, ssl_st& tls) const;
  void forget(const std::string& origin) { sessions_.erase(origin); }

  // Before a connection is closed that says no goodbye: OpenSSL would spoil its session otherwise.
  static void preserve(ssl_st& tls);

 private:
  std::unordered_map<std::string, std::shared_ptr<ssl_session_st>> sessions_;
};

}  // namespace ondol
