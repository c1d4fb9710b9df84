// Anthropic's Messages API through the whole gateway: what the model is asked, and what the client gets.
#include "gateway/api_test_util.h"

namespace ondol {
namespace {

constexpr const char* kMessage = R"({"model": "tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})";
constexpr const char* kMessageStream =
    R"({"model": "tiny", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "hi"}]})";

TEST_F(ApiTest, AMessageIsAChat) {
  const auto exchange = send("POST", "/v1/messages", R"({"model": "tiny", "max_tokens": 9, "system": "sys", "container": "c",
      "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})");
  EXPECT_EQ(FakeTokenizer().decode(engine_->wait_submitted(1).prompt), "system:sys\nuser:hi\nassistant:");
  engine_->text(1, "hello");
  engine_->finish(1, FinishReason::kStop, 9);
  const json::value message = answer(exchange);
  EXPECT_TRUE(message.at("id").as_string().starts_with("msg_"));
  EXPECT_EQ(message.at("model"), "tiny");
  EXPECT_EQ(message.at("content"), json::parse(R"([{"type": "text", "text": "hello", "citations": null}])"));
  EXPECT_EQ(message.at("stop_reason"), "end_turn");
  const HttpHeaders headers = exchange->wait().headers;
  EXPECT_EQ(find_header(headers, "x-ondol-ignored"), "container");
  EXPECT_EQ(find_header(headers, "request-id"), find_header(headers, "x-request-id"));
  EXPECT_TRUE(find_header(headers, "request-id").starts_with("req_"));
}

TEST_F(ApiTest, AMessagesStream) {
  const auto exchange = send("POST", "/v1/messages", kMessageStream);
  engine_->wait_submitted(1);
  engine_->text(1, "hello");
  engine_->finish(1, FinishReason::kLength, 9);
  const std::string body = exchange->wait().body;
  EXPECT_TRUE(body.starts_with("event: message_start\n")) << body;
  EXPECT_NE(body.find(R"("delta":{"type":"text_delta")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("stop_reason":"max_tokens")"), std::string::npos) << body;
  EXPECT_TRUE(body.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")) << body;
}

TEST_F(ApiTest, TokensOfMessagesAreCounted) {
  const json::value count =
      answer(send("POST", "/v1/messages/count_tokens", R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]})"));
  const json::value tokens = answer(send("POST", "/tokenize", R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]})"));
  EXPECT_EQ(count, (json::object{{"input_tokens", tokens.at("count")}}));
}

// Read at once, and read by a worker.
TEST_F(ApiTest, ErrorsOfMessagesHaveAnthropicsForm) {
  const std::string large = R"(, "metadata": {"user_id": ")" + std::string(8192, 'u') + "\"}}";
  const auto refused = [&](std::string body, int status, std::string_view type) {
    for (const std::string& sent : {body, body.substr(0, body.size() - 1) + large}) {
      const json::value out = answer(send("POST", "/v1/messages", sent), status);
      EXPECT_EQ(out.at("type"), "error");
      EXPECT_EQ(std::string_view(out.at("error").at("type").as_string()), type);
      EXPECT_TRUE(out.at("request_id").as_string().starts_with("req_"));
    }
  };
  refused(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]})", 400, "invalid_request_error");
  refused(R"({"model": "other", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})", 404, "not_found_error");
  refused(R"({"model": "tiny", "max_tokens": 9, "messages": [{"role": "user", "content": [
      {"type": "image", "source": {"type": "url", "url": "u"}}]}]})",
          400, "invalid_request_error");
  EXPECT_EQ(answer(send("POST", "/v1/messages", "{"), 400).at("type"), "error");
  EXPECT_EQ(answer(send("GET", "/v1/messages"), 405).at("error").at("type"), "invalid_request_error");
  api_->set_ready(false);
  EXPECT_EQ(answer(send("POST", "/v1/messages", kMessage), 529).at("error").at("type"), "overloaded_error");
}

TEST_F(ApiTest, MessagesAreRefusedWhereChatsAre) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/v1/messages";
  request.body = kMessage;  // not from this machine, and there are no keys
  const auto exchange = std::make_shared<FakeExchange>(std::move(request));
  api_->handle(exchange);
  const json::value out = answer(exchange, 401);
  EXPECT_EQ(out.at("type"), "error");
  EXPECT_EQ(out.at("error").at("type"), "authentication_error");
}

}  // namespace
}  // namespace ondol
