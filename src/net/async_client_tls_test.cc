#include "base/test_folder_test_util.h"
#include "net/async_client.h"
#include "net/collect_sink_test_util.h"
#include "net/test_script.h"
#include "net/test_server.h"

namespace ondol {
namespace {

using Sink = CollectSink<HttpSink>;

class AsyncClientTlsTest : public ServerTest {
 protected:
  AsyncClientTlsTest() {
    options_.tls_certificate = certificate_.path();
    options_.tls_key = certificate_.key_path();
    client_options_.ca_file = certificate_.path();
  }

  static AsyncRequest request_to(uint16_t port, const std::string& target = "/a", std::string body = "") {
    AsyncRequest request;
    request.method = body.empty() ? "GET" : "POST";
    request.url = parse_url("https://localhost:" + std::to_string(port) + target).value();
    request.body = std::move(body);
    return request;
  }
  std::shared_ptr<Sink> send(AsyncRequest request) {
    if (client_ == nullptr) client_ = AsyncClient::start(client_options_);
    auto sink = std::make_shared<Sink>();
    const auto id = client_->send(std::move(request), sink);
    EXPECT_TRUE(id) << id.error().message;
    last_id_ = id.value_or(0);
    return sink;
  }
  std::shared_ptr<Sink> send(const std::string& target = "/a", std::string body = "") {
    return send(request_to(server_->port(), target, std::move(body)));
  }
  // With a client of its own, which trusts `ca_file`.
  std::shared_ptr<Sink> send_trusting(const std::string& ca_file, uint16_t port, const std::string& host = "localhost") {
    client_options_.ca_file = ca_file;
    client_.reset();
    AsyncRequest request = request_to(port);
    request.url.host = host;
    auto sink = send(std::move(request));
    sink->wait_end();
    return sink;
  }

  const TestCertificate certificate_{"DNS:localhost,IP:127.0.0.1"};
  AsyncClientOptions client_options_;
  std::unique_ptr<AsyncClient> client_;
  uint64_t last_id_ = 0;
};

TEST_F(AsyncClientTlsTest, AnswersComeWholeAndConnectionsAreKept) {
  start(echo);
  for (int i = 0; i < 5; ++i) {
    const auto sink = send("/v1/x?y=1", "hello " + std::to_string(i));
    EXPECT_EQ(sink->wait_end(), "") << sink->message();
    EXPECT_EQ(sink->body(), "POST /v1/x hello " + std::to_string(i));
  }
  EXPECT_EQ(client_->stats().opened, 1u);
  EXPECT_EQ(client_->stats().reused, 4u);
  AsyncRequest plain = request_to(server_->port());
  plain.url.tls = false;
  const auto sink = send(plain);
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 400) << "a kept connection of https is none of http";
}

TEST_F(AsyncClientTlsTest, ManyRequestsAtOnceEachGetTheirOwnAnswer) {
  client_options_.threads = 2;
  start(echo);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::shared_ptr<Sink>> sinks;
    for (int i = 0; i < 64; ++i) sinks.push_back(send("/" + std::to_string(i), "x"));
    for (int i = 0; i < 64; ++i) {
      EXPECT_EQ(sinks[static_cast<size_t>(i)]->wait_end(), "") << sinks[static_cast<size_t>(i)]->message();
      EXPECT_EQ(sinks[static_cast<size_t>(i)]->body(), "POST /" + std::to_string(i) + " x");
    }
  }
  EXPECT_GT(client_->stats().reused, 0u);
}

TEST_F(AsyncClientTlsTest, ABodyOfManyMegabytesGoesAndComes) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.body = exchange->request().body;
    exchange->respond(std::move(response));
  });
  std::string body(8 << 20, 'a');
  for (size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
  const auto sink = send("/", body);
  EXPECT_EQ(sink->wait_end(), "") << sink->message();
  EXPECT_TRUE(sink->body() == body);
}

TEST_F(AsyncClientTlsTest, AStreamComesPieceByPieceAndEndsWhenCancelled) {
  start(keep());
  const auto sink = send();
  kept(0)->begin_stream(200, "text/event-stream", {});
  kept(0)->write("data: 1\n\n");
  EXPECT_TRUE(sink->wait_body("data: 1\n\n"));
  EXPECT_EQ(sink->ends(), 0);
  kept(0)->write("data: half an");
  EXPECT_TRUE(sink->wait_body("half an"));
  client_->cancel(last_id_);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  EXPECT_TRUE(left_.wait());
  release_kept();
}

TEST_F(AsyncClientTlsTest, AnAnswerEndsWithAGoodbyeOrIsCutOff) {
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nabc";
  for (const bool goodbye : {true, false}) {
    ScriptedServer server({until_close}, {.tls = &certificate_, .half_close = goodbye});
    const auto sink = send(request_to(server.port()));
    EXPECT_EQ(sink->wait_end(), goodbye ? "" : "data_loss") << sink->message();
    EXPECT_EQ(sink->body(), "abc");
  }
  start(keep());
  const auto sink = send();
  kept(0)->begin_stream(200, "text/event-stream", {});
  kept(0)->write("data: 1\n\n");
  EXPECT_TRUE(sink->wait_body("1"));
  kept(0)->abort();
  EXPECT_EQ(sink->wait_end(), "data_loss");
  release_kept();
}

TEST_F(AsyncClientTlsTest, AKeptConnectionThatWasClosedIsReplacedOnce) {
  for (const bool goodbye : {true, false}) {
    client_.reset();
    ScriptedServer server({answer_with("ok"), answer_with("ok"), answer_with("ok")}, {.tls = &certificate_, .half_close = goodbye});
    for (int i = 0; i < 3; ++i) {
      const auto sink = send(request_to(server.port(), "/" + std::to_string(i), "body"));
      EXPECT_EQ(sink->wait_end(), "") << sink->message();
      EXPECT_EQ(sink->body(), "ok");
    }
    EXPECT_EQ(client_->stats().opened, 3u);
  }
}

TEST_F(AsyncClientTlsTest, AFurtherConnectionTakesTheSessionUpAgain) {
  client_options_.max_idle_per_origin = 0;
  start(echo);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send()->wait_end(), "");
  EXPECT_EQ(client_->stats().opened, 3u);
  EXPECT_EQ(client_->stats().resumed, 2u);
  ScriptedServer older({answer_with("1"), answer_with("2")}, {.tls = &certificate_, .newest_version = TLS1_2_VERSION});
  for (const char* body : {"1", "2"}) {
    const auto sink = send(request_to(older.port()));
    EXPECT_EQ(sink->wait_end(), "") << sink->message();
    EXPECT_EQ(sink->body(), body);
  }
  EXPECT_EQ(client_->stats().resumed, 3u);
}

TEST_F(AsyncClientTlsTest, TheCaFileIsTrustedInsteadOfTheSystem) {
  const TestCertificate authority("DNS:authority"), other("DNS:other");
  const TestCertificate certificate("DNS:localhost,IP:127.0.0.1", {.signer = &authority});
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    ScriptedServer server({answer_with("secret")}, {.tls = &certificate});
    const auto sink = send_trusting(authority.path(), server.port(), host);
    EXPECT_EQ(sink->wait_end(), "") << sink->message();
    EXPECT_EQ(sink->body(), "secret");
    EXPECT_EQ(server.server_name(), host == "localhost" ? "localhost" : "");
  }
  const ScopedVariable system("SSL_CERT_FILE", authority.path());
  ScriptedServer trusted({answer_with("secret")}, {.tls = &certificate});
  EXPECT_EQ(send_trusting("", trusted.port())->wait_end(), "");
  ScriptedServer untrusted({answer_with("secret")}, {.tls = &certificate});
  EXPECT_EQ(send_trusting(other.path(), untrusted.port())->wait_end(), "unavailable");
}

TEST_F(AsyncClientTlsTest, ACertificateThatCannotBeTrustedIsRefusedBeforeARequestIsSent) {
  const TestCertificate own("DNS:localhost"), authority("DNS:authority"), elsewhere("DNS:other.example,IP:127.0.0.2");
  const TestCertificate leaf("DNS:localhost", {.signer = &authority});
  const TestCertificate expired("DNS:localhost", {.from_s = -7200, .until_s = -3600});
  const TestCertificate early("DNS:localhost", {.from_s = 3600, .until_s = 7200});
  struct Row {
    const TestCertificate* certificate;
    std::string ca_file, host, problem;
  };
  const Row rows[] = {
      {&own, certificate_.path(), "localhost",
       "the certificate of \"localhost\" is not trusted (self-signed certificate): give the certificate of its CA with ca_file"},
      {&own, "", "localhost", "is not trusted (self-signed certificate)"},
      {&leaf, certificate_.path(), "localhost", "is not trusted (unable to get local issuer certificate)"},
      {&elsewhere, elsewhere.path(), "localhost", "is for another host (hostname mismatch)"},
      {&elsewhere, elsewhere.path(), "127.0.0.1", "is for another host (IP address mismatch)"},
      {&expired, expired.path(), "localhost", "has expired"},
      {&early, early.path(), "localhost", "is not valid yet"},
  };
  for (const Row& row : rows) {
    ScriptedServer server({answer_with("secret")}, {.tls = row.certificate});
    const auto sink = send_trusting(row.ca_file, server.port(), row.host);
    EXPECT_EQ(sink->wait_end(), "unavailable") << row.problem;
    EXPECT_TRUE(sink->message().starts_with("https://" + row.host + ":" + std::to_string(server.port()) + ": ")) << sink->message();
    EXPECT_NE(sink->message().find(row.problem), std::string::npos) << sink->message();
    EXPECT_TRUE(server.requests().empty());
  }
  client_options_.insecure_skip_verify = true;
  ScriptedServer server({answer_with("secret")}, {.tls = &elsewhere});
  EXPECT_EQ(send_trusting("", server.port())->body(), "secret");
}

TEST_F(AsyncClientTlsTest, ServersThatWantACertificateOfTheirClientGetIt) {
  const TestCertificate authority("DNS:authority"), stranger("DNS:client");
  const TestCertificate own("DNS:client", {.signer = &authority});
  const auto message = [&](int version, const TestCertificate* shown) {
    ScriptedServer server({answer_with("secret")}, {.tls = &certificate_, .newest_version = version, .client_authority = &authority});
    client_options_.client_certificate = shown == nullptr ? "" : shown->path();
    client_options_.client_key = shown == nullptr ? "" : shown->key_path();
    const auto sink = send_trusting(certificate_.path(), server.port());
    EXPECT_EQ(sink->wait_end(), sink->body() == "secret" ? "" : "unavailable");
    return sink->message();
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(message(version, &own), "");
    EXPECT_NE(message(version, nullptr).find("give client_certificate"), std::string::npos) << message(version, nullptr);
    EXPECT_NE(message(version, &stranger).find("does not accept the certificate"), std::string::npos) << message(version, &stranger);
  }
}

TEST_F(AsyncClientTlsTest, APlainServerIsToldApart) {
  options_.tls_certificate = options_.tls_key = "";
  start(echo);
  const auto sink = send();
  EXPECT_EQ(sink->wait_end(), "unavailable");
  EXPECT_NE(sink->message().find("use http:// in the URL"), std::string::npos) << sink->message();
}

TEST_F(AsyncClientTlsTest, AHandshakeThatHangsEndsByDeadlineByCancelAndWithTheClient) {
  client_options_.connect_timeout_us = 200'000;
  const TestListener listener;
  auto sink = send(request_to(listener.port()));
  EXPECT_EQ(sink->wait_end(), "unavailable");
  EXPECT_NE(sink->message().find("no TLS handshake within 200 ms"), std::string::npos) << sink->message();
  (void)listener.accept();
  client_options_.connect_timeout_us = 60'000'000;
  client_.reset();
  for (const bool cancel : {true, false}) {
    sink = send(request_to(listener.port()));
    TestSocket socket = listener.accept();
    EXPECT_EQ(socket.read_bytes(1), "\x16");
    cancel ? client_->cancel(last_id_) : client_.reset();
    EXPECT_EQ(sink->wait_end(), "cancelled");
    socket.read_all();
    char byte;
    EXPECT_EQ(::recv(socket.fd(), &byte, 1, MSG_DONTWAIT), 0) << "the connection is closed";
  }
}

TEST_F(AsyncClientTlsTest, FilesThatCannotBeUsedAreNamedAndHttpGoesOn) {
  const TestFolder folder;
  folder.write("garbage.pem", "-----BEGIN NOTHING-----\n");
  const std::string cert = certificate_.path();
  struct Row {
    std::string ca_file, certificate, key, problem;
  };
  const Row rows[] = {
      {"/no/ca.pem", "", "", "CA file \"/no/ca.pem\" does not exist"},
      {folder.path("garbage.pem"), "", "", "must hold certificates in PEM form"},
      {cert, "/no/cert.pem", certificate_.key_path(), "certificate \"/no/cert.pem\" does not exist"},
      {cert, cert, "", "give both or none"},
      {cert, cert, cert, "holds no private key"},
  };
  options_.tls_certificate = options_.tls_key = "";
  start(echo);
  for (const Row& row : rows) {
    client_ = AsyncClient::start({.ca_file = row.ca_file, .client_certificate = row.certificate, .client_key = row.key});
    const auto refused = client_->send(request_to(server_->port()), std::make_shared<Sink>());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_NE(refused.error().message.find(row.problem), std::string::npos) << refused.error().message;
    EXPECT_EQ(client_->check_https().error().message, refused.error().message);
    AsyncRequest plain = request_to(server_->port());
    plain.url.tls = false;
    EXPECT_EQ(send(plain)->wait_end(), "");
  }
}

}  // namespace
}  // namespace ondol
