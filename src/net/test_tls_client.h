// For the tests of this room: a blocking TLS client that trusts anyone, down to the bytes below TLS.
//
// Owner: a test. One thread. Bounded: every read ends after kPatience.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/test_socket.h"

namespace ondol {

class TlsClient {
 public:
  struct Options {
    int version = 0;                  // TLS1_2_VERSION and the like; 0 = the best
    std::string_view protocols = {};  // ALPN, in its wire form
    SSL_SESSION* resume = nullptr;
    int receive_buffer_bytes = 0;
  };

  explicit TlsClient(uint16_t port) : TlsClient(port, Options()) {}
  TlsClient(uint16_t port, const Options& options)
      : socket_(port, options.receive_buffer_bytes), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    const timeval patience{std::chrono::seconds(kPatience).count(), 0};
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (options.version != 0) {
      SSL_set_security_level(ssl_.get(), 0);  // old versions are the server's to refuse
      SSL_set_min_proto_version(ssl_.get(), options.version);
      SSL_set_max_proto_version(ssl_.get(), options.version);
    }
    if (!options.protocols.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                          static_cast<unsigned>(options.protocols.size()));
    }
    if (options.resume != nullptr) SSL_set_session(ssl_.get(), options.resume);
    SSL_set_fd(ssl_.get(), socket_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }

  bool connected() const { return connected_; }
  SSL* ssl() { return ssl_.get(); }
  TestSocket& socket() { return socket_; }
  // Of the server's certificate.
  long serial() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
    return certificate == nullptr ? -1 : ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get()));
  }

  bool send(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }

  std::string read_until(std::string_view end) {
    size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!more()) return std::exchange(buffer_, {});
    }
    return cut(at + end.size());
  }
  std::string read_bytes(size_t count) {
    while (buffer_.size() < count && more()) continue;
    return cut(std::min(count, buffer_.size()));
  }
  std::string read_all() {
    while (more()) continue;
    return std::exchange(buffer_, {});
  }
  std::string read_response() {
    std::string head = read_until("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_bytes(std::stoul(head.substr(at + 16)));
  }
  // The server said that its data ends, rather than that the connection just broke.
  bool goodbye() const { return goodbye_; }

 private:
  bool more() {
    char bytes[4096];
    const int n = SSL_read(ssl_.get(), bytes, sizeof bytes);
    if (n > 0) buffer_.append(bytes, static_cast<size_t>(n));
    if (n <= 0) goodbye_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    return n > 0;
  }
  std::string cut(size_t bytes) {
    std::string out = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return out;
  }

  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TestSocket socket_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string buffer_;
  bool connected_ = false, goodbye_ = false;
};

}  // namespace ondol
