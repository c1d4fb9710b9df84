// What a client may not do, and the status it gets for it.
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "net/server.h"
#include "net/test_server.h"

namespace ondol {
namespace {

struct Refused {
  const char* what;
  std::string request;
  int status;
};

TEST_F(ServerTest, RefusesAndCloses) {
  options_.max_header_bytes = 2000;
  options_.max_body_bytes = 1000;
  start(echo);
  const std::string host = "Host: h\r\n";
  std::string many;
  for (int i = 0; i < 300; ++i) many += "a:b\r\n";
  const std::vector<Refused> cases = {
      {"large header", "GET / HTTP/1.1\r\n" + host + "A: " + std::string(3000, 'a') + "\r\n\r\n", 431},
      {"endless header", "GET / HTTP/1.1\r\nA: " + std::string(9000, 'a'), 431},
      {"many headers", "GET / HTTP/1.1\r\n" + host + many + "\r\n", 431},
      {"long target", "GET /" + std::string(3000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 431},
      {"large body announced", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n", 413},
      {"huge body announced", "POST / HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551615\r\n\r\n", 413},
      {"large body in chunks",
       "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'a') + "\r\n1\r\n", 413},
      {"huge chunk", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413},
      {"unknown coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
      {"no HTTP", "hello there\r\n\r\n", 400},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n", 400},
      {"bad escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
      {"cut escape", "GET /%4 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"escaped NUL", "GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"no path", "GET a HTTP/1.1\r\n" + host + "\r\n", 400},
  };
  for (const auto& refused : cases) {
    auto client = connect();
    ASSERT_TRUE(client.send(refused.request)) << refused.what;
    const std::string response = client.read_all();
    EXPECT_EQ(status_of(response), refused.status) << refused.what << ": " << response;
    EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos) << refused.what;
    EXPECT_NE(response.find(R"("param":null,"code":")"), std::string::npos) << refused.what << ": " << response;
  }
  EXPECT_EQ(status_of(ask(kGet)), 200);
}

TEST_F(ServerTest, TheRefusalOfALargeBodyIsReadableWhileTheClientSends) {
  options_.max_body_bytes = 1000;
  start(echo);
  auto client = connect();
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n"));
  EXPECT_TRUE(client.send(std::string(5'000'000, 'b')));
  EXPECT_EQ(status_of(client.read_response()), 413);
}

TEST_F(ServerTest, SlowHeadersAndBodiesTimeOut) {
  options_.header_timeout_s = options_.body_timeout_s = 1;
  start(echo);
  auto silent = connect(), slow_header = connect(), slow_body = connect(), idle = connect();
  ASSERT_TRUE(slow_header.send("GET / HT"));
  ASSERT_TRUE(slow_body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab"));
  ASSERT_TRUE(idle.send(kGet));
  EXPECT_EQ(status_of(idle.read_response()), 200);
  EXPECT_EQ(status_of(slow_header.read_all()), 408);
  EXPECT_EQ(status_of(slow_body.read_all()), 408);
  EXPECT_EQ(silent.read_all(), "");  // quietly: nobody waits for an answer
  EXPECT_EQ(idle.read_all(), "");
}

TEST_F(ServerTest, TooManyConnectionsAreTold503) {
  options_.max_connections = 2;
  start(echo);
  auto first = connect(), second = connect();
  for (auto* client : {&first, &second}) {
    ASSERT_TRUE(client->send(kGet));
    EXPECT_EQ(status_of(client->read_response()), 200);
  }
  auto third = connect();
  const std::string response = third.read_all();
  EXPECT_EQ(status_of(response), 503);
  EXPECT_NE(response.find("Retry-After: "), std::string::npos) << response;
  std::vector<TestSocket> flood;  // past the reserve for refusals connections are just closed
  for (int i = 0; i < 100; ++i) flood.push_back(connect());
  int closed_without_a_word = 0;
  for (auto& client : flood) {
    const int status = status_of(client.read_all());
    EXPECT_TRUE(status == 503 || status == 0) << status;
    closed_without_a_word += status == 0 ? 1 : 0;
  }
  EXPECT_LT(closed_without_a_word, 100);
  first.close();
  // The place is free as soon as the server has seen the close, whoever else is still being told 503.
  int status = 0;
  for (const auto until = std::chrono::steady_clock::now() + kPatience; status != 200 && std::chrono::steady_clock::now() < until;) {
    auto next = connect();
    if (next.send(kGet)) status = status_of(next.read_response());
  }
  EXPECT_EQ(status, 200);
}

// Raises a signal for each log line.
class SignalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit SignalSink(Signal& logged) : logged_(logged) {}

 private:
  void sink_it_(const spdlog::details::log_msg&) override { logged_.raise(); }
  void flush_() override {}

  Signal& logged_;
};

TEST_F(ServerTest, OutlivesRunningOutOfDescriptors) {
  Signal logged;
  const auto logger_before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::make_shared<SignalSink>(logged)));
  start(echo);
  EXPECT_EQ(status_of(ask(kGet)), 200);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto client = std::make_unique<TestSocket>();  // has its descriptor; the server's end finds none
  rlimit tight = before;
  tight.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  EXPECT_TRUE(client->connect(server_->port()));
  EXPECT_TRUE(client->send(kGet));
  EXPECT_TRUE(logged.wait());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(status_of(client->read_response()), 200);
  stop();
  spdlog::set_default_logger(logger_before);
}

}  // namespace
}  // namespace ondol
