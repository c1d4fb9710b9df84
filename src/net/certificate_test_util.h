// For tests: a certificate made on the spot.
//
// Owner: a test; its files go with it. Any thread once made.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace ondol {

// For the given names ("DNS:localhost,IP:127.0.0.1"), with its key, both in files of their own.
class TestCertificate {
 public:
  struct Options {
    long serial = 1;
    long from_s = -3600, until_s = 3600;      // of its validity, from now
    const TestCertificate* signer = nullptr;  // null: it signs itself, and may sign others
  };

  explicit TestCertificate(const std::string& names) : TestCertificate(names, Options()) {}
  TestCertificate(const std::string& names, const Options& options) : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    X509* x = certificate_.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), options.serial);
    X509_gmtime_adj(X509_getm_notBefore(x), options.from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), options.until_s);
    X509_set_pubkey(x, key_.get());
    X509_NAME* name = X509_get_subject_name(x);
    const bool own = options.signer == nullptr;
    const X509* signer = own ? x : options.signer->certificate();
    static std::atomic<int> made{0};
    const std::string subject = "test " + std::to_string(++made);  // signers are found by it
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(signer));
    X509V3_CTX context;
    X509V3_set_ctx(&context, const_cast<X509*>(signer), x, nullptr, nullptr, 0);
    for (const auto& [nid, value] : {std::pair<int, std::string>{NID_subject_alt_name, names},
                                     {NID_basic_constraints, own ? "critical,CA:TRUE" : "critical,CA:FALSE"}}) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
      X509_add_ext(x, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(x, own ? key_.get() : options.signer->key(), EVP_sha256());
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

}  // namespace ondol
