// For the tests of the client: a server that says exactly what a test wrote down, plain or with TLS, and a certificate made on the spot.
//
// Owner: a test; the destructor joins its thread. Bounded: one connection per answer, each read ends after kPatience.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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

// A self-signed certificate for the given names ("DNS:localhost,IP:127.0.0.1"), in a file that SSL_CERT_FILE can name, and its key.
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& names, long serial = 1) : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509* x = certificate_.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key_.get());
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509V3_CTX context;
    X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
    for (const auto& [nid, value] :
         {std::pair<int, std::string>{NID_subject_alt_name, names}, {NID_basic_constraints, "critical,CA:TRUE"}}) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
      X509_add_ext(x, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(x, key_.get(), EVP_sha256());
    path_ = write([&](FILE* file) { PEM_write_X509(file, x); });
    key_path_ = write([&](FILE* file) { PEM_write_PrivateKey(file, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  ~TestCertificate() {
    ::unlink(path_.c_str());
    ::unlink(key_path_.c_str());
  }
  TestCertificate(const TestCertificate&) = delete;

  const std::string& path() const { return path_; }
  const std::string& key_path() const { return key_path_; }
  EVP_PKEY* key() const { return key_.get(); }
  X509* certificate() const { return certificate_.get(); }

 private:
  template <class Print>
  static std::string write(Print print) {
    char path[] = "/tmp/ondol_net_test_XXXXXX";
    const int fd = ::mkstemp(path);
    if (fd < 0) return "";
    FILE* file = ::fdopen(fd, "w");
    print(file);
    std::fclose(file);
    return path;
  }

  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* x) const { X509_free(x); }
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::string path_, key_path_;
};

class ScriptedServer {
 public:
  struct Options {
    const TestCertificate* tls = nullptr;
    std::string before_tls = {};  // a proxy's answer to CONNECT
    bool half_close = true;       // TLS: says goodbye before it closes
  };

  explicit ScriptedServer(std::vector<std::string> answers) : ScriptedServer(std::move(answers), Options()) {}
  ScriptedServer(std::vector<std::string> answers, Options options)
      : answers_(std::move(answers)), options_(std::move(options)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
    ::listen(listener_, 16);
    socklen_t length = sizeof at;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    if (options_.tls != nullptr) {
      context_.reset(SSL_CTX_new(TLS_server_method()));
      SSL_CTX_use_certificate(context_.get(), options_.tls->certificate());
      SSL_CTX_use_PrivateKey(context_.get(), options_.tls->key());
    }
    thread_ = std::jthread([this] { serve(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  uint16_t port() const { return port_; }
  std::string url(const std::string& rest = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + rest; }
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
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      TestSocket socket{TestSocket::Adopted{fd}};
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
  const int listener_;
  uint16_t port_ = 0;
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
