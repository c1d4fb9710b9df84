#include <gtest/gtest.h>

#include "net/client.h"
#include "net/test_script.h"
#include "net/test_server.h"

namespace ondol {
namespace {

Result<HttpResponse> get(const std::string& url) {
  ClientRequest request;
  request.url = url;
  return http_fetch(request);
}

std::string local(const ScriptedServer& server, const std::string& host = "localhost") {
  return "https://" + host + ":" + std::to_string(server.port()) + "/";
}

TEST(ClientTls, TrustsWhatTheSystemTrusts) {
  const TestCertificate certificate("DNS:localhost,IP:127.0.0.1");
  const ScopedVariable trusted("SSL_CERT_FILE", certificate.path());
  for (const char* host : {"localhost", "127.0.0.1"}) {
    ScriptedServer server({answer_with("secret")}, {.tls = &certificate});
    const auto response = get(local(server, host));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "secret");
    EXPECT_EQ(server.server_name(), std::string_view(host) == "localhost" ? "localhost" : "");
  }
}

TEST(ClientTls, RefusesAnUnknownSigner) {
  const TestCertificate certificate("DNS:localhost");
  ScriptedServer server({answer_with("secret")}, {.tls = &certificate});
  const auto response = get(local(server));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_NE(response.error().message.find("self-signed certificate"), std::string::npos) << response.error().message;
  EXPECT_TRUE(server.requests().empty());
}

TEST(ClientTls, RefusesACertificateForAnotherHost) {
  const TestCertificate certificate("DNS:other.example");
  const ScopedVariable trusted("SSL_CERT_FILE", certificate.path());
  ScriptedServer server({answer_with("secret")}, {.tls = &certificate});
  const auto response = get(local(server));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ServerTest, APlainServerIsNoTlsServer) {
  start(echo);
  const auto response = get("https://localhost:" + std::to_string(server_->port()) + "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
}

TEST(ClientTls, NeverGoesOnWithoutEncryption) {
  const TestCertificate certificate("DNS:localhost");
  const ScopedVariable trusted("SSL_CERT_FILE", certificate.path());
  ScriptedServer plain({answer_with("plain")});
  ScriptedServer server({redirect_to(plain.url())}, {.tls = &certificate});
  const auto response = get(local(server));
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("not encrypted"), std::string::npos) << response.error().message;
  EXPECT_TRUE(plain.requests().empty());
}

TEST(ClientTls, ATruncatedStreamIsDataLoss) {
  const TestCertificate certificate("DNS:localhost");
  const ScopedVariable trusted("SSL_CERT_FILE", certificate.path());
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nabc";
  ScriptedServer cut({until_close}, {.tls = &certificate, .half_close = false});
  const auto lost = get(local(cut));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kDataLoss);
  ScriptedServer whole({until_close}, {.tls = &certificate});
  const auto response = get(local(whole));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "abc");
}

TEST(ClientTls, TunnelsThroughAProxy) {
  const TestCertificate certificate("DNS:far.example");
  const ScopedVariable trusted("SSL_CERT_FILE", certificate.path());
  ScriptedServer proxy({answer_with("far")}, {.tls = &certificate, .before_tls = "HTTP/1.1 200 Connection established\r\n\r\n"});
  const ScopedVariable variable("https_proxy", "us:pw@127.0.0.1:" + std::to_string(proxy.port()));
  const auto response = get("https://far.example/x");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "far");
  const auto requests = proxy.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[0].starts_with("CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n")) << requests[0];
  EXPECT_NE(requests[0].find("Proxy-Authorization: Basic dXM6cHc=\r\n"), std::string::npos);
  EXPECT_TRUE(requests[1].starts_with("GET /x HTTP/1.1\r\n")) << requests[1];
  EXPECT_EQ(requests[1].find("Proxy-Authorization"), std::string::npos);
}

TEST(ClientTls, SaysThatTheProxyRefused) {
  ScriptedServer proxy({"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"});
  const ScopedVariable variable("https_proxy", "127.0.0.1:" + std::to_string(proxy.port()));
  const auto response = get("https://far.example/x");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_NE(response.error().message.find("407"), std::string::npos) << response.error().message;
}

}  // namespace
}  // namespace ondol
