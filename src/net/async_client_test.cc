#include "net/async_client.h"

#include "net/collect_sink_test_util.h"
#include "net/test_script.h"
#include "net/test_server.h"

namespace ondol {
namespace {

using Sink = CollectSink<HttpSink>;

AsyncRequest request_to(uint16_t port, std::string target = "/a", std::string body = "") {
  AsyncRequest request;
  request.method = body.empty() ? "GET" : "POST";
  request.url = parse_url("http://127.0.0.1:" + std::to_string(port) + target).value();
  request.body = std::move(body);
  return request;
}

class AsyncClientTest : public ServerTest {
 protected:
  std::shared_ptr<Sink> send(AsyncRequest request) {
    if (client_ == nullptr) client_ = AsyncClient::start(client_options_);
    auto sink = std::make_shared<Sink>();
    const auto id = client_->send(std::move(request), sink);
    EXPECT_TRUE(id) << id.error().message;
    last_id_ = id.value_or(0);
    return sink;
  }
  std::shared_ptr<Sink> send(std::string target = "/a", std::string body = "") {
    return send(request_to(server_->port(), std::move(target), std::move(body)));
  }
  // What the client makes of an answer that is these bytes, after which the server closes.
  std::shared_ptr<Sink> answered(const std::string& bytes, uint64_t max_body_bytes = 1 << 20) {
    ScriptedServer server({bytes});
    AsyncRequest request = request_to(server.port());
    request.max_body_bytes = max_body_bytes;
    auto sink = send(std::move(request));
    sink->wait_end();
    return sink;
  }

  AsyncClientOptions client_options_;
  std::unique_ptr<AsyncClient> client_;
  uint64_t last_id_ = 0;
};

TEST_F(AsyncClientTest, AnswersComeWholeAndConnectionsAreKept) {
  start(echo);
  for (int i = 0; i < 5; ++i) {
    const auto sink = send("/v1/x?y=1", "hello " + std::to_string(i));
    EXPECT_EQ(sink->wait_end(), "") << sink->message();
    EXPECT_EQ(sink->status(), 200);
    EXPECT_EQ(sink->body(), "POST /v1/x hello " + std::to_string(i));
    EXPECT_EQ(sink->heads(), 1);
  }
  EXPECT_EQ(client_->stats().opened, 1u);
  EXPECT_EQ(client_->stats().reused, 4u);
}

TEST_F(AsyncClientTest, ManyRequestsAtOnceEachGetTheirOwnAnswer) {
  client_options_.threads = 2;
  client_options_.max_idle_per_origin = 4;
  start(echo);
  std::vector<std::shared_ptr<Sink>> sinks;
  for (int i = 0; i < 200; ++i) sinks.push_back(send("/" + std::to_string(i), std::string(static_cast<size_t>(i), 'x')));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(sinks[static_cast<size_t>(i)]->wait_end(), "");
    EXPECT_EQ(sinks[static_cast<size_t>(i)]->body().substr(0, 6 + std::to_string(i).size()),
              i == 0 ? "GET /0 " : ("POST /" + std::to_string(i)));
  }
  EXPECT_LE(client_->stats().idle, 8u);
}

TEST_F(AsyncClientTest, ABodyOfManyMegabytesGoesAndComes) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.body = exchange->request().body;
    exchange->respond(std::move(response));
  });
  std::string body(8 << 20, 'a');
  for (size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
  const auto sink = send("/", body);
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->body() == body, true);
}

TEST_F(AsyncClientTest, AStreamComesPieceByPiece) {
  start(keep());
  const auto sink = send();
  kept(0)->begin_stream(200, "text/event-stream", {{"x-a", "b"}});
  kept(0)->write("data: 1\n\n");
  EXPECT_TRUE(sink->wait_body("data: 1\n\n"));
  EXPECT_EQ(sink->header("x-a"), "b");
  EXPECT_EQ(sink->ends(), 0);
  kept(0)->write("data: half an");
  EXPECT_TRUE(sink->wait_body("half an"));
  kept(0)->write(" event\n\n");
  kept(0)->finish();
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->body(), "data: 1\n\ndata: half an event\n\n");
  release_kept();
}

TEST_F(AsyncClientTest, CancellingClosesTheConnectionBeforeAndInsideTheAnswer) {
  start(keep());
  auto sink = send();
  (void)kept(0);
  client_->cancel(last_id_);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  EXPECT_EQ(sink->heads(), 0);
  EXPECT_TRUE(left_.wait(1));
  sink = send();
  kept(1)->begin_stream(200, "text/event-stream", {});
  kept(1)->write("data: 1\n\n");
  EXPECT_TRUE(sink->wait_body("1"));
  client_->cancel(last_id_);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  EXPECT_TRUE(left_.wait(2));
  client_->cancel(last_id_);  // has ended: nothing
  client_->cancel(12345);
  release_kept();
  client_.reset();
  EXPECT_EQ(sink->ends(), 1);
}

TEST_F(AsyncClientTest, WhatIsInFlightEndsWithTheClient) {
  start(keep());
  const auto sink = send();
  (void)kept(0);
  client_.reset();
  EXPECT_EQ(sink->ends(), 1);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  release_kept();
}

TEST_F(AsyncClientTest, AnAnswerThatIsCutOffIsAnError) {
  start(keep());
  auto sink = send();
  kept(0)->begin_stream(200, "text/event-stream", {});
  kept(0)->write("data: 1\n\n");
  EXPECT_TRUE(sink->wait_body("1"));
  kept(0)->abort();
  EXPECT_EQ(sink->wait_end(), code_name(Code::kDataLoss));
  release_kept();
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")->wait_end(), code_name(Code::kDataLoss));
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-")->wait_end(), code_name(Code::kDataLoss));
  EXPECT_EQ(answered("")->wait_end(), code_name(Code::kUnavailable));
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\n\r\nall of it")->wait_end(), "");
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\n\r\nall of it")->body(), "all of it");
}

TEST_F(AsyncClientTest, AnswersThatTwoProgramsMayReadInTwoWaysAreRefused) {
  for (const char* head : {"Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                           "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "Content-Length: +3\r\n", "Content-Length: 3,4\r\n",
                           "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: xchunked\r\n",
                           "Content-Length: 99999999999999999999999\r\n", "No colon\r\n", "Sp ace: x\r\n"}) {
    const auto sink = answered(std::string("HTTP/1.1 200 OK\r\n") + head + "\r\nabc");
    EXPECT_EQ(sink->wait_end(), code_name(Code::kDataLoss)) << head;
    EXPECT_EQ(sink->heads(), 0) << head;
  }
  EXPECT_EQ(answered("SSH-2.0-OpenSSH_9.2\r\n")->wait_end(), code_name(Code::kDataLoss));
  EXPECT_EQ(answered("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")->wait_end(), code_name(Code::kDataLoss));
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")->wait_end(), code_name(Code::kDataLoss));
}

TEST_F(AsyncClientTest, BytesBehindAnAnswerEndItsConnection) {
  const auto sink = answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen");
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->body(), "abc");
  EXPECT_EQ(client_->stats().idle, 0u);
}

TEST_F(AsyncClientTest, InterimAnswersAreSkipped) {
  const auto sink = answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 204);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(answered(many + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")->wait_end(), code_name(Code::kDataLoss));
}

TEST_F(AsyncClientTest, WhatAnAnswerMayGrowToIsLimited) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nX: " + std::string(300 << 10, 'h') + "\r\n\r\n")->wait_end(), code_name(Code::kDataLoss));
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2000; ++i) many += "X-" + std::to_string(i) + ": " + std::string(100, 'h') + "\r\n";
  EXPECT_EQ(answered(many + "\r\n")->wait_end(), code_name(Code::kDataLoss));
  const auto long_one = answered("HTTP/1.1 200 OK\r\nContent-Length: 5368709120\r\n\r\nabc", 1000);
  EXPECT_EQ(long_one->wait_end(), code_name(Code::kDataLoss));
  EXPECT_EQ(long_one->heads(), 0);
  const auto chunked =
      answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + std::string(0x800, 'x') + "\r\n0\r\n\r\n", 1000);
  EXPECT_EQ(chunked->wait_end(), code_name(Code::kDataLoss));
  EXPECT_EQ(
      answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(300 << 10, 'e') + "\r\nx\r\n0\r\n\r\n")->wait_end(),
      code_name(Code::kDataLoss));
}

TEST_F(AsyncClientTest, SilenceHasALimitBeforeAndInsideTheAnswer) {
  start(keep());
  AsyncRequest request = request_to(server_->port());
  request.first_byte_timeout_us = 20'000;
  auto sink = send(request);
  EXPECT_EQ(sink->wait_end(), code_name(Code::kDeadlineExceeded));
  EXPECT_NE(sink->message().find("no answer within 20 ms"), std::string::npos) << sink->message();
  EXPECT_TRUE(left_.wait(1));
  request.first_byte_timeout_us = 60'000'000;
  request.idle_timeout_us = 20'000;
  sink = send(request);
  kept(1)->begin_stream(200, "text/event-stream", {});
  kept(1)->write("data: 1\n\n");
  EXPECT_EQ(sink->wait_end(), code_name(Code::kDeadlineExceeded));
  EXPECT_TRUE(sink->message().find("in the middle") != std::string::npos || sink->heads() == 0) << sink->message();
  EXPECT_TRUE(left_.wait(2));
  release_kept();
}

TEST_F(AsyncClientTest, AKeptConnectionThatWasClosedIsReplacedOnce) {
  // Says that it keeps the connection, and closes it.
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  ScriptedServer server({answer, answer, answer});
  for (int i = 0; i < 3; ++i) {
    const auto sink = send(request_to(server.port(), "/" + std::to_string(i), "body"));
    EXPECT_EQ(sink->wait_end(), "") << sink->message();
    EXPECT_EQ(sink->body(), "ok");
  }
  EXPECT_EQ(client_->stats().opened, 3u);
}

TEST_F(AsyncClientTest, OriginsThatAreNotThereAreUnavailable) {
  uint16_t port = 0;
  {
    ScriptedServer server({});
    port = server.port();
  }
  const auto sink = send(request_to(port));
  EXPECT_EQ(sink->wait_end(), code_name(Code::kUnavailable));
  EXPECT_NE(sink->message().find("cannot connect"), std::string::npos) << sink->message();
}

TEST_F(AsyncClientTest, NamesAreLookedUp) {
  start(echo);
  AsyncRequest request = request_to(server_->port());
  request.url.host = "localhost";
  EXPECT_EQ(send(request)->wait_end(), "");
}

TEST_F(AsyncClientTest, RequestsThatCannotBeSentAreRefusedAtOnce) {
  client_options_.max_in_flight = 1;
  client_ = AsyncClient::start(client_options_);
  const auto refusal = [&](AsyncRequest request) {
    const auto sent = client_->send(std::move(request), std::make_shared<Sink>());
    return sent ? "sent" : std::string(code_name(sent.error().code));
  };
  AsyncRequest request = request_to(1);
  request.url.target = "/a b";
  EXPECT_EQ(refusal(request), code_name(Code::kInvalidArgument));
  request.url.target = "/";
  request.method = "GET /x HTTP/1.1\r\nHost: evil\r\n\r\nGET";
  EXPECT_EQ(refusal(request), code_name(Code::kInvalidArgument));
  start(keep());
  const auto first = send();
  EXPECT_EQ(refusal(request_to(server_->port())), code_name(Code::kResourceExhausted));
  (void)kept(0);
  client_->cancel(last_id_);
  EXPECT_EQ(first->wait_end(), "cancelled");
  release_kept();
}

TEST_F(AsyncClientTest, HeadersCannotBreakOutOfTheirLine) {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"});
  AsyncRequest request = request_to(server.port(), "/", "body");
  request.headers = {{"X-A", "1\r\nX-B: 2"},           {"Connection", "close"}, {"Content-Length", "7"},
                     {"Transfer-Encoding", "chunked"}, {"Host", "other"},       {"Bad Name", "x"}};
  EXPECT_EQ(send(request)->wait_end(), "");
  const std::string sent = server.requests().at(0);
  EXPECT_EQ(sent,
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\nContent-Length: 4\r\nX-A: 1  X-B: 2\r\n\r\nbody");
}

}  // namespace
}  // namespace ondol
