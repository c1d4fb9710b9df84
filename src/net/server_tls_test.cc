#include <filesystem>
#include <fstream>

#include "base/test_folder_test_util.h"
#include "net/client.h"
#include "net/test_script.h"
#include "net/test_server.h"
#include "net/test_tls_client.h"

namespace ondol {
namespace {

class TlsServerTest : public ServerTest {
 protected:
  TlsServerTest() {
    options_.tls_certificate = certificate_.path();
    options_.tls_key = certificate_.key_path();
  }
  TlsClient connect_tls(const TlsClient::Options& options = {}) const { return TlsClient(server_->port(), options); }
  std::string ask_tls() const {
    TlsClient client = connect_tls();
    EXPECT_TRUE(client.connected() && client.send(kGet));
    return client.read_response();
  }
  std::string start_error() {
    const auto server = HttpServer::start(options_, metrics_, echo);
    return server ? "it starts" : server.error().message;
  }

  const TestCertificate certificate_{"DNS:localhost"};
};

TEST_F(TlsServerTest, AnswersTheClientOfThisRoom) {
  start(echo);
  const ScopedVariable trusted("SSL_CERT_FILE", certificate_.path());
  ClientRequest request;
  request.url = "https://localhost:" + std::to_string(server_->port()) + "/a";
  const auto response = http_fetch(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "GET /a ");
}

TEST_F(TlsServerTest, SpeaksTls12And13AndNothingOlder) {
  start(echo);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client = connect_tls({.version = version});
    ASSERT_TRUE(client.connected()) << version;
    ASSERT_TRUE(client.send(kGet));
    EXPECT_EQ(body_of(client.read_response()), "GET /a ");
    const std::string cipher = SSL_get_cipher_name(client.ssl());
    EXPECT_TRUE(cipher.starts_with("ECDHE-") || cipher.starts_with("TLS_")) << cipher;
    EXPECT_EQ(SSL_get_current_compression(client.ssl()), nullptr);
  }
  EXPECT_FALSE(connect_tls({.version = TLS1_1_VERSION}).connected());
  EXPECT_FALSE(connect_tls({.version = TLS1_VERSION}).connected());
}

TEST_F(TlsServerTest, ResumesATls12Session) {
  start(echo);
  TlsClient first = connect_tls({.version = TLS1_2_VERSION});
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(SSL_get1_session(first.ssl()), &SSL_SESSION_free);
  TlsClient second = connect_tls({.version = TLS1_2_VERSION, .resume = session.get()});
  EXPECT_EQ(SSL_session_reused(second.ssl()), 1);
  ASSERT_TRUE(second.send(kGet));
  EXPECT_EQ(body_of(second.read_response()), "GET /a ");
}

TEST_F(TlsServerTest, ChoosesHttp11ByAlpn) {
  start(echo);
  TlsClient client = connect_tls({.protocols = "\x02h2\x08http/1.1"});
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(client.ssl(), &name, &length);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(name), length), "http/1.1");
  EXPECT_TRUE(connect_tls({.protocols = "\x02h2"}).connected());
}

TEST_F(TlsServerTest, KeepsTheConnectionAndTakesPipelinedRequests) {
  start(echo);
  TlsClient client = connect_tls();
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(body_of(client.read_response()), "GET /" + std::to_string(i) + " ");
  for (const char c : std::string(kGet)) ASSERT_TRUE(client.send({&c, 1}));  // a record for each byte
  EXPECT_EQ(body_of(client.read_response()), "GET /a ");
}

TEST_F(TlsServerTest, CarriesLargeBodiesBothWays) {
  start(echo);
  TlsClient client = connect_tls();
  std::string body(3'000'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * i % 23);
  ASSERT_TRUE(client.send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n"));
  ASSERT_TRUE(client.send(body));
  EXPECT_TRUE(body_of(client.read_response()) == "POST /b " + body);
}

TEST_F(TlsServerTest, SaysGoodbyeAfterTheLastAnswer) {
  start(echo);
  TlsClient client = connect_tls();
  ASSERT_TRUE(client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(body_of(client.read_all()), "GET /a ");
  EXPECT_TRUE(client.goodbye());
}

TEST_F(TlsServerTest, TheRefusalOfALargeBodyIsReadableWhileTheClientSends) {
  options_.max_body_bytes = 1000;
  start(echo);
  TlsClient client = connect_tls();
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n"));
  client.send(std::string(5'000'000, 'b'));
  EXPECT_EQ(status_of(client.read_response()), 413);
}

TEST_F(TlsServerTest, NoticesTheClientThatLeavesMidStream) {
  start(keep());
  for (const bool politely : {true, false}) {
    TlsClient client = connect_tls();
    ASSERT_TRUE(client.send(kGet));
    const auto exchange = kept(politely ? 0 : 1);
    exchange->begin_stream(200, "text/event-stream", {});
    exchange->write("data: 1\n\n");
    EXPECT_TRUE(client.read_until("data: 1\n\n").ends_with("data: 1\n\n"));
    if (politely) SSL_shutdown(client.ssl());
    client.socket().close();
    EXPECT_TRUE(left_.wait(politely ? 1 : 2));
    EXPECT_FALSE(exchange->connected());
    exchange->write("data: 2\n\n");
    exchange->finish();
  }
  release_kept();
}

TEST_F(TlsServerTest, CutsOffAStreamThatIsNotRead) {
  options_.max_pending_bytes = 100'000;
  start(keep());
  TlsClient client = connect_tls();
  ASSERT_TRUE(client.send(kGet));
  const auto exchange = kept(0);
  exchange->begin_stream(200, "text/plain", {});
  for (int i = 0; i < 10'000 && exchange->connected(); ++i) exchange->write(std::string(10'000, 'x'));
  EXPECT_FALSE(exchange->connected());
  EXPECT_TRUE(left_.wait());
  client.read_all();
  EXPECT_FALSE(client.goodbye());
  release_kept();
}

TEST_F(TlsServerTest, HalfAHandshakeEndsWithTheHeaderTimeout) {
  options_.header_timeout_s = 1;
  start(echo);
  auto silent = connect(), half = connect();
  TlsClient no_request = connect_tls();
  ASSERT_TRUE(half.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
  EXPECT_EQ(status_of(ask_tls()), 200) << "others are served meanwhile";
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(half.read_all(), "");
  EXPECT_EQ(no_request.read_all(), "");
}

TEST_F(TlsServerTest, TellsPlainHttpToUseHttps) {
  start(echo);
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const std::string response = client.read_all();
  EXPECT_EQ(status_of(response), 400);
  EXPECT_NE(response.find("https://"), std::string::npos) << response;
  EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos);
}

TEST_F(TlsServerTest, ClosesOnBytesThatAreNoTls) {
  start(echo);
  for (const std::string& bytes :
       {std::string(100, '\0'), std::string(20'000, '\x16'), std::string("\x16\x03\x01\xff\xff") + std::string(999, 'a'),
        std::string("\x80\x2e\x01\x00\x02", 5) + std::string(99, '\1')}) {
    auto client = connect();
    client.send(bytes);
    const std::string response = client.read_all();
    EXPECT_LE(response.size(), 7u) << "an alert at most";
  }
  TlsClient client = connect_tls();
  ASSERT_TRUE(client.connected());
  ASSERT_TRUE(client.socket().send("garbage below an open session, long enough for a record"));
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(status_of(ask_tls()), 200);
}

TEST_F(TlsServerTest, DoesNotRenegotiate) {
  start(echo);
  TlsClient client = connect_tls({.version = TLS1_2_VERSION});
  ASSERT_TRUE(client.connected());
  SSL_renegotiate(client.ssl());
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
  EXPECT_EQ(status_of(ask_tls()), 200);
}

TEST_F(TlsServerTest, EndsAClientThatSendsKeyUpdatesOnly) {
  start(echo);
  TlsClient client = connect_tls({.version = TLS1_3_VERSION, .receive_buffer_bytes = 4096});
  bool sent = true;
  for (int i = 0; sent && i < 2'000'000; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    sent = SSL_do_handshake(client.ssl()) == 1;
  }
  EXPECT_FALSE(sent);
  EXPECT_EQ(status_of(ask_tls()), 200);
}

TEST_F(TlsServerTest, TooManyConnectionsAreTold503) {
  options_.max_connections = 1;
  start(echo);
  TlsClient first = connect_tls();
  ASSERT_TRUE(first.send(kGet));
  EXPECT_EQ(status_of(first.read_response()), 200);
  TlsClient second = connect_tls();
  EXPECT_EQ(status_of(second.read_all()), 503);
  auto plain = connect();
  ASSERT_TRUE(plain.send(kGet));
  EXPECT_EQ(status_of(plain.read_all()), 503);
}

TEST_F(TlsServerTest, TakesARenewedCertificate) {
  const TestCertificate renewed("DNS:localhost", {.serial = 2});
  const TestFolder folder;
  const auto install = [&](const std::string& from, const char* name) {
    std::filesystem::copy_file(from, folder.path("new"), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(folder.path("new"), folder.path(name));
  };
  install(certificate_.path(), "cert.pem");
  install(certificate_.key_path(), "key.pem");
  options_.tls_certificate = folder.path("cert.pem");
  options_.tls_key = folder.path("key.pem");
  start(echo);
  TlsClient before = connect_tls();
  EXPECT_EQ(before.serial(), 1);
  install(renewed.path(), "cert.pem");  // the key does not match yet: the old pair goes on
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1100);
  while (std::chrono::steady_clock::now() < until) ASSERT_EQ(connect_tls().serial(), 1);
  install(renewed.key_path(), "key.pem");
  long serial = 0;
  for (const auto end = std::chrono::steady_clock::now() + kPatience; serial != 2 && std::chrono::steady_clock::now() < end;) {
    serial = connect_tls().serial();
  }
  EXPECT_EQ(serial, 2);
  ASSERT_TRUE(before.send(kGet));
  EXPECT_EQ(status_of(before.read_response()), 200) << "connections made before live on";
}

TEST_F(TlsServerTest, SaysWhichFileIsWrongAndWhy) {
  const TestCertificate other("DNS:localhost");
  const TestFolder folder;
  folder.write("garbage.pem", "-----BEGIN NOTHING-----\n");
  if (FILE* file = std::fopen(folder.path("locked.pem").c_str(), "w"); file != nullptr) {
    const unsigned char passphrase[] = "secret";
    PEM_write_PrivateKey(file, certificate_.key(), EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr);
    std::fclose(file);
  }
  const std::string cert = certificate_.path(), key = certificate_.key_path();
  struct Row {
    std::string certificate, key, named, problem;
  };
  const Row rows[] = {
      {"/no/cert.pem", key, "certificate \"/no/cert.pem\"", "does not exist"},
      {cert, "/no/key.pem", "key \"/no/key.pem\"", "does not exist"},
      {folder.path(), key, "certificate", "is not a file"},
      {folder.path("garbage.pem"), key, "garbage.pem", "must be a certificate in PEM form"},
      {cert, folder.path("garbage.pem"), "garbage.pem", "holds no private key in PEM form"},
      {cert, cert, "key", "holds no private key in PEM form"},
      {cert, other.key_path(), other.key_path(), "does not belong to the certificate"},
      {cert, folder.path("locked.pem"), "locked.pem", "is protected by a passphrase"},
      {cert, "", "no key", "give both or none"},
      {"", key, "no certificate", "give both or none"},
  };
  for (const Row& row : rows) {
    options_.tls_certificate = row.certificate;
    options_.tls_key = row.key;
    const std::string message = start_error();
    EXPECT_NE(message.find(row.named), std::string::npos) << message;
    EXPECT_NE(message.find(row.problem), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace ondol
