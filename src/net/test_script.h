// For the tests of the clients: a server that says exactly what a test wrote down, plain or with TLS.
//
// Owner: a test; the destructor joins its thread. Bounded: one connection per answer, each read ends after kPatience.
#pragma once

#include <openssl/ssl.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/certificate_test_util.h"
#include "net/test_socket.h"

namespace ondol {

// Sets an environment variable for one test.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~ScopedVariable() { ::unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;

 private:
  const char* name_;
};

class ScriptedServer {
 public:
  struct Options {
    const TestCertificate* tls = nullptr;
    std::string before_tls = {};                        // a proxy's answer to CONNECT
    bool half_close = true;                             // TLS: says goodbye before it closes
    int newest_version = 0;                             // TLS1_2_VERSION and the like; 0 = the best
    const TestCertificate* client_authority = nullptr;  // asks the client for a certificate that this one signed
  };

  explicit ScriptedServer(std::vector<std::string> answers) : ScriptedServer(std::move(answers), Options()) {}
  ScriptedServer(std::vector<std::string> answers, Options options) : answers_(std::move(answers)), options_(std::move(options)) {
    if (options_.tls != nullptr) {
      context_.reset(SSL_CTX_new(TLS_server_method()));
      SSL_CTX_use_certificate(context_.get(), options_.tls->certificate());
      SSL_CTX_use_PrivateKey(context_.get(), options_.tls->key());
      SSL_CTX_set_max_proto_version(context_.get(), options_.newest_version);
      if (options_.client_authority != nullptr) {
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), options_.client_authority->certificate());
      }
    }
    thread_ = std::jthread([this] { serve(); });
  }
  ~ScriptedServer() {
    listener_.stop();
    thread_.join();
  }

  uint16_t port() const { return listener_.port(); }
  std::string url(const std::string& rest = "/") const { return "http://127.0.0.1:" + std::to_string(port()) + rest; }
  // Everything that was asked so far.
  std::vector<std::string> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  std::string server_name() {  // SNI of the last connection
    const std::scoped_lock lock(mutex_);
    return server_name_;
  }

 private:
  void serve() {
    for (const auto& answer : answers_) {
      TestSocket socket = listener_.accept();
      if (socket.fd() < 0) return;
      if (!options_.before_tls.empty()) {
        note(socket.read_until("\r\n\r\n"));
        socket.send(options_.before_tls);
      }
      options_.tls != nullptr ? answer_encrypted(socket, answer) : answer_plain(socket, answer);
    }
  }

  void note(std::string request) {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(std::move(request));
  }

  void answer_plain(TestSocket& socket, const std::string& answer) {
    std::string request = socket.read_until("\r\n\r\n");
    if (const size_t at = request.find("Content-Length: "); at != std::string::npos) {
      request += socket.read_bytes(std::stoul(request.substr(at + 16)));
    }
    note(std::move(request));
    socket.send(answer);
  }

  void answer_encrypted(TestSocket& socket, const std::string& answer) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(tls.get(), socket.fd());
    if (SSL_accept(tls.get()) != 1) return;
    {
      const std::scoped_lock lock(mutex_);
      const char* name = SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
      server_name_ = name == nullptr ? "" : name;
    }
    std::string request;
    char bytes[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const int n = SSL_read(tls.get(), bytes, sizeof bytes);
      if (n <= 0) return;
      request.append(bytes, static_cast<size_t>(n));
    }
    note(std::move(request));
    SSL_write(tls.get(), answer.data(), static_cast<int>(answer.size()));
    if (options_.half_close) SSL_shutdown(tls.get());
  }

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  const std::vector<std::string> answers_;
  const Options options_;
  const TestListener listener_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::string server_name_;
  std::jthread thread_;
};

inline std::string answer_with(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string redirect_to(const std::string& location, int status = 302) {
  return "HTTP/1.1 " + std::to_string(status) + " Go\r\nLocation: " + location + "\r\nContent-Length: 4\r\n\r\ngone";
}

}  // namespace ondol
