#include "net/client_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/ssl/error.hpp>
#include <new>

#include "net/tls_files.h"

namespace ondol {
namespace {

constexpr std::array<unsigned char, 9> kProtocols{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

Status trust(SSL_CTX& context, const ClientTlsOptions& options) {
  SSL_CTX_set_verify(&context, options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (!options.ca_file.empty()) return use_authorities(context, options.ca_file);
  if (SSL_CTX_set_default_verify_paths(&context) == 1) return {};
  return fail(Code::kUnavailable, "cannot read the system's trusted certificates" + openssl_reason() + "; install ca-certificates");
}

std::string certificate_problem(const std::string& host, long verdict, std::string_view remedy) {
  const std::string of = "the certificate of " + quoted(host);
  const std::string why = std::string(" (") + X509_verify_cert_error_string(verdict) + ")";
  switch (verdict) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return of + " is not trusted" + why + ": " + std::string(remedy);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return of + " is for another host" + why + ": use a name in the URL that the certificate has";
    case X509_V_ERR_CERT_HAS_EXPIRED: return of + " has expired: renew it there, and compare the clocks of both machines";
    case X509_V_ERR_CERT_NOT_YET_VALID: return of + " is not valid yet: compare the clocks of both machines";
    default: return of + " is refused" + why;
  }
}

}  // namespace

Result<std::shared_ptr<ssl_ctx_st>> make_client_tls(const ClientTlsOptions& options) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), kProtocols.data(), kProtocols.size()) != 0) {
    return fail(Code::kInternal, "cannot set up TLS" + openssl_reason());
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // ClientSessions keep what is worth keeping
  ONDOL_TRY_STATUS(trust(*context, options));
  if (!options.certificate.empty() || !options.key.empty()) {
    ONDOL_TRY_STATUS(use_certificate(*context, options.certificate, options.key));
  }
  return context;
}

ssl_st* new_client_tls(ssl_ctx_st& context, const std::string& host) {
  std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(&context), &SSL_free);
  if (tls == nullptr) throw std::bad_alloc();
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.get()), host.c_str()) != 1) {
    SSL_set_hostflags(tls.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(tls.get(), host.c_str()) != 1) throw std::bad_alloc();
    SSL_set_tlsext_host_name(tls.get(), host.c_str());
  }
  ERR_clear_error();
  return tls.release();
}

std::string handshake_problem(ssl_st& tls, const std::string& host, const boost::system::error_code& ec, std::string_view remedy) {
  const long verdict = SSL_get_verify_result(&tls);
  if (SSL_get_verify_mode(&tls) != SSL_VERIFY_NONE && verdict != X509_V_OK) return certificate_problem(host, verdict, remedy);
  return "the TLS handshake failed: " + ec.message() + tls_advice(ec);
}

std::string tls_advice(const boost::system::error_code& ec) {
  if (ec.category() != boost::asio::error::get_ssl_category()) return "";
  switch (ERR_GET_REASON(static_cast<unsigned long>(ec.value()))) {
    case SSL_R_WRONG_VERSION_NUMBER: return "; what answers there does not speak TLS: use http:// in the URL, or the port that takes https";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL: return "; the server is too old to speak TLS 1.2";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return "; the server wants a certificate of its client: give client_certificate";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: return "; the server may want a certificate of its client: give client_certificate";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "; the server does not accept the certificate of its client: renew client_certificate";
    default: return "";
  }
}

void ClientSessions::keep(const std::string& origin, ssl_st& tls) {
  std::shared_ptr<SSL_SESSION> session(SSL_get1_session(&tls), &SSL_SESSION_free);
  if (session == nullptr || SSL_SESSION_is_resumable(session.get()) != 1) return;
  if (sessions_.size() >= kMostSessions && !sessions_.contains(origin)) sessions_.clear();
  sessions_[origin] = std::move(session);
}

void ClientSessions::resume(const std::string& origin, ssl_st& tls) const {
  if (const auto kept = sessions_.find(origin); kept != sessions_.end()) SSL_set_session(&tls, kept->second.get());
}

void ClientSessions::preserve(ssl_st& tls) { SSL_set_shutdown(&tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

}  // namespace ondol
