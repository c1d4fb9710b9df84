#include "net/server.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/test_socket.h"

namespace ondol {
namespace {

class ServerTest : public testing::Test {
 protected:
  void start(HttpHandler handler) {
    auto server = HttpServer::start(options_, metrics_, std::move(handler));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  static void echo(const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.content_type = "text/plain";
    response.body = exchange->request().method + " " + exchange->request().path + " " + exchange->request().body;
    exchange->respond(std::move(response));
  }
  TestSocket connect() const { return TestSocket(server_->port()); }

  Registry metrics_;
  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string body_of(const std::string& response) { return response.substr(std::min(response.find("\r\n\r\n") + 4, response.size())); }

TEST_F(ServerTest, KeepsAConnectionAlive) {
  start(echo);
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(kGet));
    const std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_EQ(body_of(response), "GET /a ");
  }
  EXPECT_EQ(metrics_.counter("ondol_http_requests_total", "", {{"status", "200"}}).value(), 3u);
}

TEST_F(ServerTest, StreamsChunksFromAnotherThread) {
  std::jthread writer;
  start([&](std::shared_ptr<Exchange> exchange) {
    writer = std::jthread([exchange] {
      exchange->begin_stream(200, "text/event-stream", {{"X-A", "b\r\nX-Evil: 1"}});
      exchange->write("data: 1\n\n");
      exchange->write("");
      exchange->write("data: [DONE]\n\n");
      exchange->finish();
    });
  });
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("X-A: b  X-Evil: 1\r\n"), std::string::npos) << head;
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

TEST_F(ServerTest, NoticesThatTheClientLeaves) {
  Signal arrived, left;
  std::shared_ptr<Exchange> kept;
  start([&](std::shared_ptr<Exchange> exchange) {
    kept = exchange;
    exchange->on_disconnect([&] { left.raise(); });
    arrived.raise();
  });
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  ASSERT_TRUE(arrived.wait());
  EXPECT_TRUE(kept->connected());
  client.close();
  ASSERT_TRUE(left.wait());
  EXPECT_FALSE(kept->connected());
  Signal again;
  kept->on_disconnect([&] { again.raise(); });
  EXPECT_TRUE(again.wait());
}

TEST_F(ServerTest, ADroppedExchangeIsAnswered500) {
  start([](const std::shared_ptr<Exchange>&) {});
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 500 ")) << "no 500";
}

}  // namespace
}  // namespace ondol
