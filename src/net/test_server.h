// For the tests of this room: a server on a free port whose handler is the test's.
//
// Owner: a test. Members outlive the server's threads, locals of a test body do not: callbacks may refer to members only, or the body has
// to stop the server first.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/server.h"
#include "net/test_socket.h"

namespace ondol {

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

inline std::string body_of(const std::string& response) {
  const size_t at = response.find("\r\n\r\n");
  return at == std::string::npos ? "no body: " + response : response.substr(at + 4);
}

inline int status_of(const std::string& response) { return response.size() > 12 ? std::atoi(response.c_str() + 9) : 0; }

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override { stop(); }

  void start(HttpHandler handler) {
    auto server = HttpServer::start(options_, metrics_, std::move(handler));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  void stop() {
    if (server_ != nullptr) server_->stop(0);
  }

  static void echo(const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.content_type = "text/plain";
    response.body = exchange->request().method + " " + exchange->request().path + " " + exchange->request().body;
    exchange->respond(std::move(response));
  }
  // A handler that keeps each exchange for the test to answer.
  HttpHandler keep() {
    return [this](std::shared_ptr<Exchange> exchange) {
      exchange->on_disconnect([this] { left_.raise(); });
      {
        const std::scoped_lock lock(mutex_);
        kept_.push_back(std::move(exchange));
      }
      arrived_.raise();
    };
  }
  std::shared_ptr<Exchange> kept(size_t i) {
    EXPECT_TRUE(arrived_.wait(static_cast<int>(i) + 1));
    const std::scoped_lock lock(mutex_);
    return kept_.at(i);
  }
  void release_kept() {
    std::vector<std::shared_ptr<Exchange>> dropped;
    const std::scoped_lock lock(mutex_);
    dropped.swap(kept_);
  }

  TestSocket connect(int receive_buffer_bytes = 0) const { return TestSocket(server_->port(), receive_buffer_bytes); }
  std::string ask(std::string_view request) const {
    auto client = connect();
    EXPECT_TRUE(client.send(request));
    return client.read_response();
  }
  uint64_t answers(int status) { return metrics_.counter("ondol_http_requests_total", "", {{"status", std::to_string(status)}}).value(); }
  double connections() { return metrics_.gauge("ondol_http_connections", "").value(); }

  Registry metrics_;
  HttpServerOptions options_;
  Signal arrived_, left_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Exchange>> kept_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace ondol
