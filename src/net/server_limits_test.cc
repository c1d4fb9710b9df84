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

std::string post(size_t bytes, size_t sent, const std::string& headers = "") {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + headers + "Content-Length: " + std::to_string(bytes) + "\r\n\r\n" + std::string(sent, 'b');
}

TEST_F(ServerTest, BodiesShareWhatTheyMayHold) {
  options_.max_total_body_bytes = 1000;
  start(keep());
  auto first = connect(), second = connect(), third = connect();
  ASSERT_TRUE(first.send(post(800, 800)));
  kept(0)->respond({.headers = {}, .body = "1"});
  EXPECT_EQ(body_of(first.read_response()), "1");
  const std::string refused = ask(post(300, 300));  // what is kept counts, answered or not
  EXPECT_EQ(status_of(refused), 503);
  EXPECT_NE(refused.find("Retry-After: 1\r\n"), std::string::npos) << refused;
  EXPECT_NE(refused.find("Connection: close\r\n"), std::string::npos) << refused;
  EXPECT_NE(refused.find(R"("type":"server_error","param":null,"code":"too_many_body_bytes")"), std::string::npos) << refused;
  ASSERT_TRUE(second.send(post(200, 200)));
  kept(1)->respond({.headers = {}, .body = "2"});
  EXPECT_EQ(body_of(second.read_response()), "2");
  release_kept();
  ASSERT_TRUE(third.send(post(1000, 1000)));
  ASSERT_TRUE(arrived_.wait(3));
  kept(0)->respond({.headers = {}, .body = "3"});
  EXPECT_EQ(body_of(third.read_response()), "3");
}

TEST_F(ServerTest, ABodyThatNeverEndsHoldsItsShareUntilItsClientLeaves) {
  options_.max_total_body_bytes = 1000;
  start(echo);
  const auto wait_for = [this](int wanted) {
    int status = 0;
    for (const auto until = std::chrono::steady_clock::now() + kPatience; status != wanted && std::chrono::steady_clock::now() < until;) {
      status = status_of(ask(post(200, 200)));
    }
    return status;
  };
  auto slow = connect();
  ASSERT_TRUE(slow.send(post(1000, 900)));
  EXPECT_EQ(wait_for(503), 503);
  EXPECT_EQ(status_of(ask(kGet)), 200) << "what has no body is served";
  slow.close();
  EXPECT_EQ(wait_for(200), 200);
}

TEST_F(ServerTest, TheHeadAloneMayBeAnswered) {
  options_.answer_to_head = [](const HttpRequest& head) -> std::optional<HttpResponse> {
    if (!find_header(head.headers, "key").empty()) return std::nullopt;
    return HttpResponse{.status = 401, .headers = {{"WWW-Authenticate", "Bearer"}}, .body = "no key"};
  };
  start(echo);
  const std::string chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
  for (const std::string& request : {post(30'000'000, 0), post(30'000'000, 1), post(30'000'000, 0, "Expect: 100-continue\r\n"), chunked}) {
    auto client = connect();
    ASSERT_TRUE(client.send(request));
    const std::string response = client.read_response();  // the rest of the body is never sent
    EXPECT_EQ(status_of(response), 401) << response;
    EXPECT_EQ(body_of(response), "no key");
    EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos) << response;
    EXPECT_NE(response.find("WWW-Authenticate: Bearer\r\n"), std::string::npos) << response;
  }
  auto sender = connect();
  ASSERT_TRUE(sender.send(post(5'000'000, 5'000'000)));
  EXPECT_EQ(status_of(sender.read_response()), 401) << "readable although the client sent on";
  auto client = connect();
  ASSERT_TRUE(client.send(post(5, 2, "Key: k\r\nExpect: 100-continue\r\n")));
  EXPECT_EQ(status_of(client.read_until("\r\n\r\n")), 100);
  ASSERT_TRUE(client.send("ccc"));
  EXPECT_EQ(body_of(client.read_response()), "POST /a bbccc");
}

TEST_F(ServerTest, TheHeadIsLookedAtOnceForEachRequest) {
  options_.answer_to_head = [this](const HttpRequest& head) -> std::optional<HttpResponse> {
    EXPECT_EQ(head.method + " " + head.path, "POST /a");
    EXPECT_TRUE(head.loopback);
    EXPECT_TRUE(head.remote.starts_with("127.0.0.1:"));
    arrived_.raise();
    return std::nullopt;
  };
  start(echo);
  auto client = connect();
  for (const int count : {1, 2}) {
    ASSERT_TRUE(client.send(post(200'003, 1)));
    ASSERT_TRUE(arrived_.wait(count));
    for (const size_t more : {size_t{200'000}, size_t{1}, size_t{1}}) ASSERT_TRUE(client.send(std::string(more, 'b')));
    EXPECT_EQ(status_of(client.read_response()), 200);
    EXPECT_EQ(arrived_.count(), count);
  }
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
