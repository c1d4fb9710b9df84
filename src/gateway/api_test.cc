// The API from a client's request to its last byte, with an engine that the test drives.
#include "gateway/api.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>
#include <utility>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr const char* kTemplate =
    "{% for message in messages %}{{ message.role }}:{{ message.content }}\n{% endfor %}"
    "{% if enable_thinking is defined %}{{ enable_thinking | tojson }}{% endif %}assistant:";
constexpr const char* kChat = R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": false})";
constexpr const char* kChatStream =
    R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}})";

class ApiTest : public testing::Test {
 protected:
  ApiTest() : model_(std::make_shared<FakeModel>()), engine_(std::make_shared<FakeEngine>(model_)) { start(); }

  void start(const ApiLimits& limits = {}, const char* chat_template = kTemplate) {
    ServedModel served;
    served.name = "tiny";
    served.model = model_;
    if (chat_template != nullptr) served.chat_template = std::make_shared<const ChatTemplate>(ChatTemplate::parse(chat_template).value());
    served.engine = engine_;
    served.created_unix_s = 99;
    api_ = std::make_unique<Api>(std::vector<ServedModel>{served}, metrics_, limits);
    api_->set_ready(true);
  }

  std::shared_ptr<FakeExchange> send(std::string method, std::string path, std::string body = "", HttpHeaders headers = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    auto exchange = std::make_shared<FakeExchange>(std::move(request));
    api_->handle(exchange);
    return exchange;
  }
  std::shared_ptr<FakeExchange> chat(std::string body) { return send("POST", "/v1/chat/completions", std::move(body)); }
  std::shared_ptr<FakeExchange> complete(std::string body) { return send("POST", "/v1/completions", std::move(body)); }

  json::value answer(const std::shared_ptr<FakeExchange>& exchange, int status = 200) {
    const HttpResponse response = exchange->wait();
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body);
  }
  json::object error(const std::shared_ptr<FakeExchange>& exchange, int status) { return answer(exchange, status).at("error").as_object(); }

  // The events of a finished stream.
  std::vector<std::string> events(const std::shared_ptr<FakeExchange>& exchange) {
    std::vector<std::string> out;
    const std::string body = exchange->wait().body;
    for (size_t at = 0; at < body.size();) {
      const size_t end = body.find("\n\n", at);
      EXPECT_EQ(body.compare(at, 6, "data: "), 0) << body.substr(at);
      out.push_back(body.substr(at + 6, end - at - 6));
      at = end + 2;
    }
    return out;
  }
  // Content of all chunks, put together.
  std::string content(const std::vector<std::string>& events) {
    std::string out;
    for (const std::string& event : events) {
      if (event == "[DONE]") continue;
      const json::value chunk = json::parse(event);
      for (const json::value& choice : chunk.at("choices").as_array()) {
        const json::object& delta = choice.at("delta").as_object();
        if (const json::value* text = delta.if_contains("content")) out += text->as_string();
      }
    }
    return out;
  }

  Registry metrics_;
  std::shared_ptr<FakeModel> model_;
  std::shared_ptr<FakeEngine> engine_;
  std::unique_ptr<Api> api_;
};

TEST_F(ApiTest, ChatAnswersWhole) {
  const auto exchange = chat(kChat);
  const GenerateRequest request = engine_->wait_submitted(1);
  EXPECT_EQ(FakeTokenizer().decode(request.prompt), "user:hi\nassistant:");
  EXPECT_EQ(request.max_tokens, 1000 - 18);
  EXPECT_EQ(request.stop_tokens, model_->stop_tokens());
  engine_->text(1, "안녕");
  EXPECT_FALSE(exchange->answered());
  engine_->finish(1, FinishReason::kStop, 7);
  const json::value body = answer(exchange);
  EXPECT_TRUE(body.at("id").as_string().starts_with("chatcmpl-"));
  EXPECT_EQ(body.at("object"), "chat.completion");
  EXPECT_TRUE(body.at("system_fingerprint").as_string().starts_with("fp_"));
  const json::value& choice = body.at("choices").at(0);
  EXPECT_EQ(choice.at("message").at("content"), "안녕");
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  EXPECT_EQ(body.at("usage"), json::parse(R"({"prompt_tokens": 18, "completion_tokens": 7, "total_tokens": 25,
                                              "prompt_tokens_details": {"cached_tokens": 2}})"));
}

TEST_F(ApiTest, ChatStreams) {
  const auto exchange = chat(kChatStream);
  engine_->wait_submitted(1);
  engine_->text(1, "o");
  exchange->wait_for(R"("content":"o")");
  engine_->text(1, "k");
  exchange->wait_for(R"("content":"k")");
  engine_->finish(1, FinishReason::kLength, 2);
  const HttpResponse response = exchange->wait();
  EXPECT_EQ(response.content_type, "text/event-stream");
  EXPECT_EQ(find_header(response.headers, "cache-control"), "no-cache");
  const std::vector<std::string> all = events(exchange);
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(json::parse(all[0]).at("choices").at(0).at("delta"), json::parse(R"({"role": "assistant", "content": ""})"));
  EXPECT_EQ(content(all), "ok");
  EXPECT_EQ(json::parse(all[3]).at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(json::parse(all[4]).at("choices"), json::array());
  EXPECT_EQ(json::parse(all[4]).at("usage").at("total_tokens"), 20);
  EXPECT_EQ(all[5], "[DONE]");
  EXPECT_FALSE(exchange->aborted());
}

TEST_F(ApiTest, CompletionTakesTextAndIds) {
  const auto exchange = complete(R"({"model": "tiny", "prompt": "ab", "logprobs": 1, "temperature": 0})");
  const GenerateRequest request = engine_->wait_submitted(1);
  EXPECT_EQ(request.prompt, (std::vector<int32_t>{256, 'a', 'b'}));
  EXPECT_EQ(request.max_tokens, 16);
  EXPECT_EQ(request.sampling.logprobs, 1);
  EXPECT_EQ(request.sampling.temperature, 0);
  engine_->token(1, 'c', -0.5f, {{'c', -0.5f}});
  engine_->finish(1, FinishReason::kLength, 1);
  const json::value body = answer(exchange);
  EXPECT_EQ(body.at("object"), "text_completion");
  EXPECT_EQ(body.at("choices").at(0).at("text"), "c");
  EXPECT_EQ(body.at("choices").at(0).at("logprobs").at("text_offset"), json::array{0});
  complete(R"({"model": "tiny", "prompt": [1, 2, 3], "ignore_eos": true, "stop_token_ids": [7]})");
  const GenerateRequest ids = engine_->wait_submitted(2);
  EXPECT_EQ(ids.prompt, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(ids.stop_tokens, std::vector<int32_t>{7});
}

TEST_F(ApiTest, StopStringEndsTheAnswerAndTheEnginesWork) {
  const auto exchange = chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stop": ["END"]})");
  engine_->wait_submitted(1);
  engine_->text(1, "yes END");
  engine_->wait_cancelled(1);
  engine_->text(1, "more");
  engine_->finish(1, FinishReason::kCancelled, 11);
  const json::value body = answer(exchange);
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "yes ");
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 7);
}

// Wherever the engine's tokens are cut into turns of the pump, the stream says the same.
TEST_F(ApiTest, StopStringCutAtEveryByte) {
  const std::string text = "온돌 ST STO 끝STOP 뒤";
  uint64_t id = 0;
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const auto exchange =
        chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stop": "STOP", "stream": true, "logprobs": true})");
    engine_->wait_submitted(++id);
    engine_->text(id, text.substr(0, cut));
    if (cut >= 3) exchange->wait_for("온");
    engine_->text(id, text.substr(cut));
    engine_->wait_cancelled(id);
    engine_->finish(id, FinishReason::kCancelled, static_cast<int>(text.size()));
    const std::vector<std::string> all = events(exchange);
    EXPECT_EQ(content(all), "온돌 ST STO 끝") << cut;
    EXPECT_EQ(json::parse(all[all.size() - 2]).at("choices").at(0).at("finish_reason"), "stop");
  }
}

TEST_F(ApiTest, DisconnectCancelsAtOnce) {
  const auto exchange = chat(kChatStream);
  engine_->wait_submitted(1);
  engine_->text(1, "o");
  exchange->wait_for(R"("content":"o")");
  exchange->disconnect();
  EXPECT_EQ(engine_->cancels(), 1u);
  engine_->finish(1, FinishReason::kCancelled, 1);
  EXPECT_FALSE(engine_->holds_sink(1));
}

TEST_F(ApiTest, DisconnectOfAnAnswerThatDoesNotStreamCancelsToo) {
  const auto exchange = chat(kChat);
  engine_->wait_submitted(1);
  exchange->disconnect();
  engine_->wait_cancelled(1);
  engine_->finish(1, FinishReason::kCancelled, 0);
  api_.reset();
  EXPECT_FALSE(exchange->answered());
}

TEST_F(ApiTest, ErrorInTheMiddleOfAStreamIsSaidAndTheStreamIsCutOff) {
  const auto exchange = chat(kChatStream);
  engine_->wait_submitted(1);
  engine_->text(1, "o");
  exchange->wait_for(R"("content":"o")");
  engine_->finish(1, FinishReason::kError, 1, {Code::kInternal, "a NaN came out"});
  const std::vector<std::string> all = events(exchange);
  EXPECT_EQ(json::parse(all.back()).at("error").at("message"), "a NaN came out");
  EXPECT_TRUE(exchange->aborted());
}

TEST_F(ApiTest, ErrorBeforeTheFirstTokenHasAStatus) {
  const auto exchange = chat(kChatStream);
  engine_->wait_submitted(1);
  engine_->finish(1, FinishReason::kError, 0, {Code::kUnavailable, "no memory"});
  EXPECT_EQ(error(exchange, 503).at("message"), "no memory");
}

TEST_F(ApiTest, EngineThatStopsByItselfIsAnError) {
  const auto exchange = chat(kChat);
  engine_->wait_submitted(1);
  engine_->finish(1, FinishReason::kCancelled, 0);
  EXPECT_EQ(error(exchange, 503).at("type"), "server_error");
}

TEST_F(ApiTest, APumpThatIsFarBehindEndsTheRequestWithAnError) {
  std::promise<void> writing, released;
  const auto slow = chat(kChatStream);
  slow->before_write = [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    writing.set_value();
    released.get_future().wait();
  };
  engine_->wait_submitted(1);
  engine_->text(1, "x");
  writing.get_future().wait();  // from here on the pump takes nothing
  const auto exchange = chat(kChat);
  engine_->wait_submitted(2);
  for (int i = 0; i < 8193; ++i) engine_->token(2, 'x');
  released.set_value();
  EXPECT_TRUE(error(exchange, 503).at("message").as_string().find("incomplete") != std::string::npos);
  engine_->wait_cancelled(2);
  engine_->finish(1, FinishReason::kLength, 1);
  EXPECT_EQ(content(events(slow)), "x");
}

TEST_F(ApiTest, RefusalsOfTheEngineKeepTheirMeaning) {
  struct Row {
    Code code;
    int status;
    std::string error_code;
  };
  for (const Row& row : {Row{Code::kInvalidArgument, 400, ""}, Row{Code::kOutOfRange, 400, "context_length_exceeded"},
                         Row{Code::kResourceExhausted, 429, "queue_full"}, Row{Code::kUnavailable, 503, ""}}) {
    engine_->refusal = {row.code, "because"};
    const auto exchange = chat(kChatStream);
    const json::object body = error(exchange, row.status);
    EXPECT_EQ(body.at("message"), "because");
    EXPECT_EQ(find_header(exchange->wait().headers, "retry-after"), row.status == 429 || row.status == 503 ? "1" : "");
    EXPECT_EQ(body.at("code"), row.error_code.empty() ? json::value(nullptr) : json::value(json::string(row.error_code)));
  }
}

TEST_F(ApiTest, PromptBeyondTheContextSaysBothNumbers) {
  const json::object body = error(complete(R"({"model": "tiny", "prompt": ")" + std::string(1200, 'a') + "\"}"), 400);
  EXPECT_EQ(body.at("code"), "context_length_exceeded");
  EXPECT_EQ(body.at("param"), "prompt");
  EXPECT_EQ(body.at("message"),
            "This model's context is 1000 tokens, and the prompt has 1201; it must leave room for at least one token of answer.");
  complete(R"({"model": "tiny", "prompt": ")" + std::string(998, 'a') + R"(", "max_tokens": 50})");
  EXPECT_EQ(engine_->wait_submitted(1).max_tokens, 1);
}

TEST_F(ApiTest, IdsOutsideTheVocabularyAreRefused) {
  EXPECT_EQ(error(complete(R"({"model": "tiny", "prompt": [257]})"), 400).at("param"), "prompt");
  EXPECT_EQ(error(complete(R"({"model": "tiny", "prompt": "a", "logit_bias": {"257": 1}})"), 400).at("param"), "logit_bias");
  EXPECT_EQ(error(complete(R"({"model": "tiny", "prompt": "a", "stop_token_ids": [257]})"), 400).at("param"), "stop_token_ids");
}

TEST_F(ApiTest, UnknownModelSaysWhatIsServed) {
  const json::object body = error(chat(R"({"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]})"), 404);
  EXPECT_EQ(body.at("code"), "model_not_found");
  EXPECT_EQ(body.at("message"), R"(The model "gpt-5" does not exist; this server has "tiny".)");
  EXPECT_EQ(error(send("GET", "/v1/models/gpt-5"), 404).at("code"), "model_not_found");
}

TEST_F(ApiTest, BadBodies) {
  EXPECT_EQ(error(chat("{"), 400).at("code"), "invalid_json");
  EXPECT_EQ(error(chat(""), 400).at("code"), "invalid_json");
  EXPECT_EQ(error(chat("[]"), 400).at("code"), "invalid_type");
  start({.max_body_bytes = 100});
  EXPECT_EQ(error(chat(std::string(101, ' ')), 413).at("code"), "payload_too_large");
}

TEST_F(ApiTest, ModelWithoutTemplateTakesCompletionsOnly) {
  start({}, nullptr);
  const json::object body = error(chat(kChat), 400);
  EXPECT_TRUE(body.at("message").as_string().find("no chat template") != std::string::npos);
  complete(R"({"model": "tiny", "prompt": "a"})");
  engine_->wait_submitted(1);
}

TEST_F(ApiTest, TemplateArgumentsReachTheTemplate) {
  chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "a"}], "enable_thinking": false})");
  EXPECT_EQ(FakeTokenizer().decode(engine_->wait_submitted(1).prompt), "user:a\nfalseassistant:");
  chat(
      R"({"model": "tiny", "messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": {"enable_thinking": true, "messages": 5}})");
  EXPECT_EQ(FakeTokenizer().decode(engine_->wait_submitted(2).prompt), "user:a\ntrueassistant:");
}

TEST_F(ApiTest, SmallRoutes) {
  EXPECT_EQ(answer(send("GET", "/health")), json::parse(R"({"status": "ok"})"));
  EXPECT_EQ(answer(send("GET", "/ready")), json::parse(R"({"status": "ready"})"));
  EXPECT_TRUE(answer(send("GET", "/version")).as_object().contains("version"));
  const json::value model = json::parse(R"({"id": "tiny", "object": "model", "created": 99, "owned_by": "ondol", "max_model_len": 1000})");
  EXPECT_EQ(answer(send("GET", "/v1/models/tiny")), model);
  EXPECT_EQ(answer(send("GET", "/v1/models")).at("data"), json::array{model});
  EXPECT_EQ(error(send("GET", "/v2"), 404).at("code"), "unknown_url");
  EXPECT_EQ(error(send("GET", "/v1/models/"), 404).at("code"), "unknown_url");
  const auto wrong = send("GET", "/v1/chat/completions");
  EXPECT_EQ(error(wrong, 405).at("code"), "method_not_allowed");
  EXPECT_EQ(find_header(wrong->wait().headers, "allow"), "POST");
  EXPECT_EQ(find_header(send("POST", "/health")->wait().headers, "allow"), "GET");
}

TEST_F(ApiTest, WhileNotReadyOnlyTheSmallRoutesAnswer) {
  api_->set_ready(false);
  EXPECT_EQ(answer(send("GET", "/ready"), 503), json::parse(R"({"status": "not ready"})"));
  EXPECT_EQ(send("GET", "/health")->wait().status, 200);
  const auto refused = chat(kChat);
  EXPECT_EQ(error(refused, 503).at("code"), "not_ready");
  EXPECT_EQ(find_header(refused->wait().headers, "retry-after"), "1");
}

TEST_F(ApiTest, ContentTypes) {
  for (const char* type : {"text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"}) {
    EXPECT_EQ(error(send("POST", "/v1/completions", "{}", {{"Content-Type", type}}), 415).at("code"), "unsupported_media_type");
  }
  for (const char* type : {"application/json", "Application/JSON ; charset=utf-8", "application/vnd.x+json"}) {
    EXPECT_EQ(send("POST", "/v1/completions", "{}", {{"Content-Type", type}})->wait().status, 400);
  }
}

TEST_F(ApiTest, EveryAnswerCarriesARequestId) {
  EXPECT_EQ(find_header(send("GET", "/health", "", {{"X-Request-Id", "abc-1"}})->wait().headers, "x-request-id"), "abc-1");
  EXPECT_EQ(find_header(send("GET", "/nowhere", "", {{"X-Request-Id", "abc-2"}})->wait().headers, "x-request-id"), "abc-2");
  EXPECT_TRUE(find_header(chat("{")->wait().headers, "x-request-id").starts_with("req_"));
  EXPECT_TRUE(find_header(send("GET", "/health", "", {{"X-Request-Id", "a b"}})->wait().headers, "x-request-id").starts_with("req_"));
  const auto exchange =
      send("POST", "/v1/completions", R"({"model": "tiny", "prompt": "a", "best": 1, "reasoning": 2})", {{"x-request-id", "q"}});
  engine_->wait_submitted(1);
  engine_->finish(1, FinishReason::kStop, 1);
  EXPECT_EQ(find_header(exchange->wait().headers, "x-request-id"), "q");
  EXPECT_EQ(find_header(exchange->wait().headers, "x-ondol-ignored"), "best,reasoning");
}

TEST_F(ApiTest, MetricsShowTheEngineAndTheAnswers) {
  engine_->stats_now.running = 3;
  engine_->stats_now.waiting = 4;
  engine_->stats_now.prompt_tokens = 50;
  const auto exchange = chat(kChat);
  engine_->wait_submitted(1);
  engine_->text(1, "ab");
  engine_->finish(1, FinishReason::kStop, 2);
  exchange->wait();
  send("GET", "/metrics")->wait();
  engine_->stats_now.prompt_tokens = 80;
  const HttpResponse page = send("GET", "/metrics")->wait();
  EXPECT_EQ(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"ondol_requests_running{model=\"tiny\"} 3\n", "ondol_requests_waiting{model=\"tiny\"} 4\n",
        "ondol_prompt_tokens_total{model=\"tiny\"} 80\n", "ondol_time_to_first_token_seconds_count{model=\"tiny\"} 1\n",
        "ondol_inter_token_latency_seconds_count{model=\"tiny\"} 1\n", "ondol_answers_total{model=\"tiny\",finish_reason=\"stop\"} 1\n"}) {
    EXPECT_NE(page.body.find(line), std::string::npos) << line << page.body;
  }
}

TEST_F(ApiTest, EngineOutlivesTheApi) {
  const auto exchange = chat(kChatStream);
  engine_->wait_submitted(1);
  engine_->text(1, "o");
  exchange->wait_for(R"("content":"o")");
  api_.reset();
  exchange->disconnect();
  engine_->text(1, "k");
  engine_->finish(1, FinishReason::kStop, 2);
  EXPECT_EQ(engine_->cancels(), 0u);
  EXPECT_FALSE(engine_->holds_sink(1));
}

}  // namespace
}  // namespace ondol
