// What the API answers by itself: routes, headers, refusals, metrics.
#include <atomic>
#include <future>

#include "base/test_folder_test_util.h"
#include "gateway/api_test_util.h"
#include "net/test_socket.h"

namespace ondol {
namespace {

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
  const json::value model =
      json::parse(R"({"id": "tiny", "object": "model", "created": 99, "owned_by": "ondol", "state": "ready", "max_model_len": 1000})");
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

TEST_F(ApiTest, WithoutAKeyTheBodyIsNotWaitedFor) {
  const TestFolder folder;
  const SteadyClock clock;
  const std::string key = create_api_key(folder.path("keys"), "n", 1, std::nullopt).value().key;
  start({}, kTemplate, {.keys = ApiKeyFile::open(folder.path("keys"), clock).value()});
  HttpServerOptions options;
  options.answer_to_head = [this](HttpRequest head) {
    head.loopback = false;  // as from another machine
    return api_->answer_to_head(head);
  };
  Registry metrics;
  std::atomic<int> handled = 0;
  const auto server = HttpServer::start(options, metrics, [&](std::shared_ptr<Exchange> exchange) {
    ++handled;
    api_->handle(std::move(exchange));
  });
  ASSERT_TRUE(server);
  const std::string head = "POST /v1/completions HTTP/1.1\r\nHost: h\r\nX-Request-Id: r1\r\nContent-Length: 30000000\r\n";
  TestSocket stranger((*server)->port());
  ASSERT_TRUE(stranger.send(head + "\r\n{"));
  const std::string refused = stranger.read_response();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
  EXPECT_NE(refused.find("missing_api_key"), std::string::npos) << refused;
  EXPECT_NE(refused.find("x-request-id: r1\r\n"), std::string::npos) << refused;
  EXPECT_EQ(handled, 0);
  TestSocket friendly((*server)->port());
  ASSERT_TRUE(friendly.send(head + "Authorization: Bearer " + key + "\r\n\r\n"));
  ASSERT_TRUE(friendly.send(std::string(30'000'000, ' ')));
  const std::string taken = friendly.read_response();
  EXPECT_TRUE(taken.starts_with("HTTP/1.1 400 ")) << taken;
  EXPECT_EQ(handled, 1);
  (*server)->stop(0);
  api_.reset();  // before the clock goes
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

TEST_F(ApiTest, MoreBodiesThanMayWaitGet429) {
  start({.max_body_bytes = 5'000});  // 40,000 bytes may wait
  std::promise<void> released;
  std::atomic<int> held = 0;
  engine_->before_submit = [&held, done = released.get_future().share()] {
    ++held;
    held.notify_all();
    done.wait();
  };
  const std::string body = R"({"model": "tiny", "prompt": "a", "user": ")" + std::string(4'800, 'u') + R"("})";
  std::vector<std::shared_ptr<FakeExchange>> taken = {complete(body), complete(body)};
  for (int now = held; now < 2; now = held) held.wait(now);  // both workers are held
  for (size_t bytes = body.size(); bytes <= 40'000; bytes += body.size()) taken.push_back(complete(body));
  const auto refused = complete(body);
  EXPECT_EQ(error(refused, 429).at("code"), "queue_full");
  EXPECT_EQ(find_header(refused->wait().headers, "retry-after"), "1");
  EXPECT_EQ(send("GET", "/health")->wait().status, 200);
  released.set_value();
  for (uint64_t id = 1; id <= taken.size(); ++id) {
    engine_->wait_submitted(id);
    engine_->finish(id, FinishReason::kStop, 1);
  }
  for (const auto& exchange : taken) EXPECT_EQ(exchange->wait().status, 200);
}

}  // namespace
}  // namespace ondol
