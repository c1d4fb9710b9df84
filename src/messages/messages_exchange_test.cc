#include "messages/messages_exchange.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

// What reached the client.
class ClientSide final : public Exchange {
 public:
  ClientSide() {
    request_.method = "POST";
    request_.path = "/v1/messages";
    request_.headers = {{"x-api-key", "k"}};
    request_.body = "not looked at";
    request_.remote = "10.0.0.1:5";
  }
  const HttpRequest& request() const override { return request_; }
  void respond(HttpResponse response) override {
    ++answers;
    answer = std::move(response);
  }
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers) override {
    ++answers;
    answer = {.status = status, .headers = std::move(headers), .content_type = content_type, .body = ""};
  }
  void write(std::string data) override { answer.body += data; }
  void finish() override { end = "finish"; }
  void abort() override { end = "abort"; }
  void on_disconnect(std::function<void()> callback) override { left = std::move(callback); }
  bool connected() const override { return true; }
  void post(std::function<void()> task) override { task(); }

  HttpResponse answer;
  int answers = 0;
  std::string end;
  std::function<void()> left;

 private:
  HttpRequest request_;
};

struct Both {
  explicit Both(MessagesExchange::Kind kind = MessagesExchange::Kind::kMessage)
      : exchange(client, kind, {.body = "{}", .id = "msg_1", .request_id = "req_1", .ignored = "container"}) {}
  std::shared_ptr<ClientSide> client = std::make_shared<ClientSide>();
  MessagesExchange exchange;
};

HttpResponse response(int status, std::string body) {
  HttpResponse out;
  out.status = status;
  out.body = std::move(body);
  return out;
}

TEST(MessagesExchange, ShowsTheChat) {
  Both both;
  EXPECT_EQ(both.exchange.request().path, "/v1/chat/completions");
  EXPECT_EQ(both.exchange.request().method, "POST");
  EXPECT_EQ(both.exchange.request().body, "{}");
  EXPECT_EQ(both.exchange.request().headers, (HttpHeaders{{"x-api-key", "k"}}));
  EXPECT_EQ(both.exchange.request().remote, "10.0.0.1:5");
  EXPECT_EQ(Both(MessagesExchange::Kind::kCountTokens).exchange.request().path, "/tokenize");
  bool told = false;
  both.exchange.on_disconnect([&] { told = true; });
  both.client->left();
  EXPECT_TRUE(told);
}

TEST(MessagesExchange, WholeAnswer) {
  Both both;
  both.exchange.respond(response(200, R"({"model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})"));
  EXPECT_EQ(both.client->answers, 1);
  EXPECT_EQ(both.client->answer.status, 200);
  EXPECT_EQ(json::parse(both.client->answer.body).at("content").at(0).at("text"), "hi");
  EXPECT_EQ(both.client->answer.headers, (HttpHeaders{{"request-id", "req_1"}, {"x-ondol-ignored", "container"}}));
}

TEST(MessagesExchange, TokenCount) {
  Both both(MessagesExchange::Kind::kCountTokens);
  both.exchange.respond(response(200, R"({"count": 3})"));
  EXPECT_EQ(both.client->answer.body, R"({"input_tokens":3})");
}

TEST(MessagesExchange, Errors) {
  Both refused;
  refused.exchange.respond(response(503, R"({"error": {"message": "later"}})"));
  EXPECT_EQ(refused.client->answer.status, 529);
  EXPECT_EQ(json::parse(refused.client->answer.body).at("error").at("message"), "later");
  Both odd;
  odd.exchange.respond(response(200, "hello"));
  EXPECT_EQ(odd.client->answer.status, 502);
  EXPECT_EQ(json::parse(odd.client->answer.body).at("error").at("type"), "api_error");
}

TEST(MessagesExchange, StreamInPieces) {
  Both both;
  both.exchange.begin_stream(200, "text/event-stream", {{"x-request-id", "r"}});
  const std::string text =
      "data: {\"model\": \"m\", \"choices\": [{\"delta\": {\"content\": \"hi\"}, \"finish_reason\": \"stop\"}]}\n\ndata: [DONE]\n\n";
  for (const char c : text) both.exchange.write({c});
  both.exchange.finish();
  EXPECT_EQ(both.client->answer.headers.size(), 3u);
  EXPECT_TRUE(both.client->answer.body.starts_with("event: message_start\n"));
  EXPECT_TRUE(both.client->answer.body.ends_with("data: {\"type\":\"message_stop\"}\n\n"));
  EXPECT_EQ(both.client->end, "finish");
}

TEST(MessagesExchange, StreamThatBreaksOffSaysSo) {
  Both both;
  both.exchange.begin_stream(200, "text/event-stream", {});
  both.exchange.write("data: {\"choices\": [{\"delta\": {\"content\": \"hi\"}}]}\n\n");
  both.exchange.abort();
  EXPECT_NE(both.client->answer.body.find("event: error\n"), std::string::npos);
  EXPECT_EQ(both.client->end, "abort");
  Both large;
  large.exchange.begin_stream(200, "text/event-stream", {});
  large.exchange.write("data: " + std::string(5 << 20, 'x'));
  EXPECT_TRUE(large.client->answer.body.starts_with("event: error\n"));
}

TEST(MessagesExchange, WholeAnswerInPiecesIsRefused) {
  Both both;
  both.exchange.begin_stream(200, "application/json", {});
  both.exchange.write("{}");
  both.exchange.finish();
  EXPECT_EQ(both.client->answers, 1);
  EXPECT_EQ(both.client->answer.status, 502);
  EXPECT_EQ(json::parse(both.client->answer.body).at("type"), "error");
}

}  // namespace
}  // namespace ondol
