#include "net/server.h"

#include <thread>

#include "net/test_server.h"

namespace ondol {
namespace {

TEST_F(ServerTest, KeepsAConnectionAlive) {
  start(echo);
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(kGet));
    const std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_EQ(body_of(response), "GET /a ");
  }
  EXPECT_EQ(answers(200), 3u);
  EXPECT_EQ(connections(), 1);
}

TEST_F(ServerTest, ClosesWhenAskedTo) {
  start(echo);
  for (const std::string_view request : {"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /a HTTP/1.0\r\n\r\n"}) {
    auto client = connect();
    ASSERT_TRUE(client.send(request));
    const std::string response = client.read_all();
    EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos) << response;
    EXPECT_EQ(body_of(response), "GET /a ");
  }
  auto old = connect();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(old.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_NE(old.read_response().find("Connection: keep-alive\r\n"), std::string::npos);
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsOneAfterTheOther) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(
      client.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHo"));
  const auto first = kept(0);
  EXPECT_EQ(first->request().path + first->request().body, "/1x");
  EXPECT_EQ(arrived_.count(), 1);
  EXPECT_TRUE(first->connected());
  echo(first);
  EXPECT_EQ(body_of(client.read_response()), "POST /1 x");
  const auto second = kept(1);
  ASSERT_TRUE(client.send("st: h\r\n\r\n"));
  echo(second);
  echo(first);  // answered long ago: ignored
  EXPECT_EQ(body_of(client.read_response()), "GET /2 ");
  echo(kept(2));
  EXPECT_EQ(body_of(client.read_response()), "GET /3 ");
  EXPECT_EQ(left_.count(), 0);
}

// Each is answered inside the handler: an answer must not be sent from within the one before.
TEST_F(ServerTest, AnswersThousandsOfPipelinedRequests) {
  constexpr int kRequests = 4000;
  start(echo);
  auto client = connect();
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(body_of(client.read_response()), "GET /" + std::to_string(i) + " ");
}

TEST_F(ServerTest, TakesBodiesOfKnownLengthAndInChunks) {
  start(echo);
  const std::string large(300'000, 'y');
  EXPECT_EQ(body_of(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + large)), "POST / " + large);
  std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 30; ++i) chunked += "2710;ext=1\r\n" + large.substr(0, 10'000) + "\r\n";
  chunked += "0\r\nX-Trailer: dropped\r\n\r\n";
  EXPECT_EQ(body_of(ask(chunked)), "POST / " + large);
}

TEST_F(ServerTest, ReadsRequestsCutAtEveryByte) {
  start(echo);
  const std::string request =
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;e=\"f\"\r\nd\r\n0\r\nT: u\r\n\r\n";
  auto client = connect();
  for (size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(client.send(request.substr(0, cut)));
    ASSERT_TRUE(client.send(request.substr(cut)));
    ASSERT_EQ(body_of(client.read_response()), "POST /c abcd") << cut;
  }
}

TEST_F(ServerTest, SendsContinueOnlyWhenItWillReadTheBody) {
  options_.max_body_bytes = 100;
  start(echo);
  auto client = connect();
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.send("ab"));
  EXPECT_EQ(body_of(client.read_response()), "POST / ab");
  EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n")), 413);
  EXPECT_EQ(status_of(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 200-maybe\r\n\r\n")), 417);
}

TEST_F(ServerTest, HeadHasTheHeadersOnly) {
  start(echo);
  auto client = connect();
  ASSERT_TRUE(client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 8\r\n"), std::string::npos) << head;
  ASSERT_TRUE(client.send(kGet));
  EXPECT_EQ(body_of(client.read_response()), "GET /a ");
}

TEST_F(ServerTest, StatusesWithoutABodyHaveNoneAndNoLength) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.status = 204;
    response.body = "not sent";
    exchange->respond(std::move(response));
  });
  auto client = connect();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"));
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 204 No Content\r\n")) << head;
    EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  }
}

TEST_F(ServerTest, HandsOverTheRequestsParts) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send("GET http://other/%ed%95%9c%20+?q=%41&r HTTP/1.1\r\nHost: h\r\nX-Two:  a b \r\n\r\n"));
  const HttpRequest& request = kept(0)->request();
  EXPECT_EQ(request.path, "/한 +");
  EXPECT_EQ(request.query, "q=%41&r");
  EXPECT_EQ(find_header(request.headers, "x-two"), "a b");
  EXPECT_TRUE(request.remote.starts_with("127.0.0.1:")) << request.remote;
  EXPECT_TRUE(request.loopback);
  release_kept();
}

TEST_F(ServerTest, ADroppedExchangeIsAnswered500) {
  start([](const std::shared_ptr<Exchange>&) {});
  const std::string response = ask(kGet);
  EXPECT_EQ(status_of(response), 500);
  EXPECT_NE(response.find(R"({"error":{"message":")"), std::string::npos) << response;
  EXPECT_EQ(answers(500), 1u);
}

TEST_F(ServerTest, AcceptedSocketsHaveNoDelay) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  kept(0);
  int with_no_delay = 0;
  for (int fd = 0; fd < 1024; ++fd) {  // the server's end is the one connected to the client's port
    sockaddr_in peer{}, own{};
    socklen_t length = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0 || peer.sin_family != AF_INET) continue;
    length = sizeof own;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length);
    int no_delay = 0;
    length = sizeof no_delay;
    ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
    if (ntohs(own.sin_port) == server_->port() && no_delay != 0) ++with_no_delay;
  }
  EXPECT_EQ(with_no_delay, 1);
}

TEST_F(ServerTest, ListensOnNamesAndBothFamilies) {
  for (const char* address : {"localhost", "::1", "0.0.0.0", "::"}) {
    options_.address = address;
    auto server = HttpServer::start(options_, metrics_, echo);
    if (!server && std::string_view(address) == "::1") continue;  // a machine without IPv6
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_NE((*server)->port(), 0);
    if (std::string_view(address) == "::1") continue;
    TestSocket client((*server)->port());
    EXPECT_TRUE(client.connected()) << address;
  }
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start(echo);
  HttpServerOptions same = options_;
  same.port = server_->port();
  const auto taken = HttpServer::start(same, metrics_, echo);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kUnavailable);
  EXPECT_NE(taken.error().message.find("127.0.0.1:" + std::to_string(same.port)), std::string::npos) << taken.error().message;
  for (const char* address : {"", "no such host", "192.0.2.1"}) {
    HttpServerOptions bad;
    bad.address = address;
    EXPECT_FALSE(HttpServer::start(bad, metrics_, echo)) << address;
  }
}

TEST_F(ServerTest, TwoHundredConnectionsAtOnce) {
  options_.threads = 2;
  start(echo);
  std::vector<TestSocket> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect());
  for (int round = 0; round < 3; ++round) {
    for (auto& client : clients) ASSERT_TRUE(client.send(kGet));
    for (auto& client : clients) ASSERT_EQ(body_of(client.read_response()), "GET /a ");
  }
  EXPECT_EQ(connections(), 200);
  EXPECT_EQ(answers(200), 600u);
}

}  // namespace
}  // namespace ondol
