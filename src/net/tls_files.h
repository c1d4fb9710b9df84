// Private to this room: PEM files given to TLS, and what is wrong with them in words.
//
// Owner: plain functions; any thread. Errors are kInvalidArgument and name the file. OpenSSL stays in the .cc.
#pragma once

#include <string>

#include "base/error.h"

struct ssl_ctx_st;

namespace ondol {

// " (why)" by OpenSSL's last error, which is forgotten; "" if there is none.
std::string openssl_reason();

// What this side shows: a certificate with its chain, and its private key.
Status use_certificate(ssl_ctx_st& context, const std::string& certificate, const std::string& key);

// Whom this side trusts.
Status use_authorities(ssl_ctx_st& context, const std::string& ca_file);

}  // namespace ondol
