// From a request to its last byte: answers, streams, stops, clients that leave, engines that fail.
#include <future>

#include "gateway/api_test_util.h"
#include "gateway/generation.h"

namespace ondol {
namespace {

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

// Its tokens wait for a turn together; a long one does not pile up.
TEST_F(ApiTest, AnAnswerThatDoesNotStreamTakesFewTurns) {
  const auto exchange = chat(kChat);
  engine_->wait_submitted(1);
  const auto had_a_turn = [&] {
    FakeExchange::settle();
    return metrics_.render().contains(R"(ondol_time_to_first_token_seconds_count{model="tiny"} 1)");
  };
  engine_->text(1, std::string(Generation::kTokensOfATurn - 1, 'a'));
  EXPECT_FALSE(had_a_turn());
  engine_->text(1, "b");
  EXPECT_TRUE(had_a_turn());
  engine_->text(1, "c");
  engine_->finish(1, FinishReason::kStop, static_cast<int>(Generation::kTokensOfATurn) + 1);
  const json::value body = answer(exchange);
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content").as_string(), std::string(Generation::kTokensOfATurn - 1, 'a') + "bc");
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

// Wherever the engine's tokens are cut into turns, the stream says the same.
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
  engine_->wait_cancelled(1);  // by the thread that submits, if it had not come back yet
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

TEST_F(ApiTest, AServerThatIsFarBehindEndsTheRequestWithAnError) {
  std::promise<void> writing, released;
  const auto slow = chat(kChatStream);
  slow->before_write = [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    writing.set_value();
    released.get_future().wait();
  };
  engine_->wait_submitted(1);
  engine_->text(1, "x");
  writing.get_future().wait();  // from here on nothing is taken
  const auto exchange = chat(kChat);
  engine_->wait_submitted(2);
  for (int i = 0; i < 8193; ++i) engine_->token(2, 'x');
  released.set_value();
  EXPECT_TRUE(error(exchange, 503).at("message").as_string().find("incomplete") != std::string::npos);
  engine_->wait_cancelled(2);
  engine_->finish(1, FinishReason::kLength, 1);
  EXPECT_EQ(content(events(slow)), "x");
}

TEST_F(ApiTest, TheApiEndsWithAnAnswerInProgress) {
  const auto exchange = chat(kChatStream);
  engine_->wait_submitted(1);
  engine_->text(1, "o");
  exchange->wait_for(R"("content":"o")");
  api_.reset();  // stops the engine, which lets the answer go
  EXPECT_FALSE(engine_->holds_sink(1));
  exchange->disconnect();
  EXPECT_EQ(engine_->cancels(), 0u);
}

TEST_F(ApiTest, SeveralAnswersShareOneReply) {
  const auto exchange = chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "n": 2, "seed": 5})");
  EXPECT_EQ(engine_->wait_submitted(1).sampling.seed, 5u);
  EXPECT_EQ(engine_->wait_submitted(2).sampling.seed, 6u);
  engine_->text(2, "two");
  engine_->finish(2, FinishReason::kStop, 3);
  engine_->text(1, "one");
  engine_->finish(1, FinishReason::kLength, 3);
  const json::value body = answer(exchange);
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "one");
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(body.at("choices").at(1).at("message").at("content"), "two");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 6);
}

TEST_F(ApiTest, AClientThatLeavesEndsAllItsAnswers) {
  const auto exchange = chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "n": 3, "stream": true})");
  engine_->wait_submitted(3);
  exchange->disconnect();
  for (uint64_t id = 1; id <= 3; ++id) engine_->wait_cancelled(id);
}

TEST_F(ApiTest, PriorityDeadlineAndPredictionReachTheEngine) {
  chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "priority": -4, "timeout": 2.5,
           "prediction": {"type": "content", "content": [{"type": "text", "text": "abc"}]}})");
  const GenerateRequest request = engine_->wait_submitted(1);
  EXPECT_EQ(request.priority, -4);
  EXPECT_EQ(request.timeout_us, 2'500'000);
  EXPECT_EQ(FakeTokenizer().decode(request.prediction), "abc");
}

TEST_F(ApiTest, ASchemaBindsTheAnswerAndAWrongOneIsRefused) {
  chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}],
           "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}})");
  EXPECT_NE(engine_->wait_submitted(1).grammar, nullptr);
  const auto refused = chat(R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}],
           "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"not": {}}}}})");
  const json::object wrong = error(refused, 400);
  EXPECT_EQ(wrong.at("param"), "response_format");
  EXPECT_NE(std::string(wrong.at("message").as_string()).find("not"), std::string::npos);
  complete(R"({"model": "tiny", "prompt": "ab"})");
  EXPECT_EQ(engine_->wait_submitted(2).grammar, nullptr);
}

TEST_F(ApiTest, TokenizesAndBack) {
  const json::value there = answer(send("POST", "/tokenize", R"({"model": "tiny", "prompt": "ab", "return_token_strs": true})"));
  EXPECT_EQ(there.at("tokens"), json::parse("[256, 97, 98]"));
  EXPECT_EQ(there.at("count"), 3);
  EXPECT_EQ(there.at("token_strs").as_array().size(), 3u);
  const json::value chat_tokens =
      answer(send("POST", "/tokenize", R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]})"));
  EXPECT_EQ(chat_tokens.at("count"), 18);
  EXPECT_EQ(answer(send("POST", "/detokenize", R"({"model": "tiny", "tokens": [97, 98]})")).at("prompt"), "ab");
  EXPECT_EQ(error(send("POST", "/detokenize", R"({"model": "tiny", "tokens": [-1]})"), 400).at("param"), "tokens");
  EXPECT_EQ(error(send("POST", "/tokenize", R"({"prompt": "a"})"), 400).at("param"), "model");
  EXPECT_EQ(error(send("POST", "/tokenize", R"({"model": "none", "prompt": "a"})"), 404).at("code"), "model_not_found");
}

}  // namespace
}  // namespace ondol
