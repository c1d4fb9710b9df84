// /v1/rerank by a chat model: what it is asked, how its scores are read, and how much of a request is in the engine at once.
#include <cmath>

#include "gateway/api_test_util.h"
#include "gateway/chat_rerank.h"

namespace ondol {
namespace {

constexpr const char* kQwenTemplate =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}";

class ApiRerankTest : public ApiTest {
 protected:
  std::shared_ptr<FakeExchange> rerank(const std::string& fields) {
    return send("POST", "/v1/rerank", R"({"model": "tiny", )" + fields + "}", {{"x-request-id", "r1"}});
  }
  static std::string documents(int count) {
    std::string out = R"("query": "q", "documents": ["d")";
    for (int i = 1; i < count; ++i) out += R"(, "d")";
    return out + "]";
  }
  std::string prompt(uint64_t id) { return FakeTokenizer().decode(engine_->wait_submitted(id).prompt); }
  void judge(uint64_t id, float yes, float no) { engine_->finish(id, FinishReason::kLength, 0, {}, {yes, no}); }
};

TEST_F(ApiRerankTest, AsksAboutEachDocumentInThePublishedForm) {
  start({}, kQwenTemplate);
  const auto exchange = rerank(R"("query": "how warm?", "documents": ["a snow", {"text": "b 온돌"}, "c"], "max_chunks": 1)");
  EXPECT_EQ(
      prompt(2),
      "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the "
      "answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant "
      "passages that answer the query\n<Query>: how warm?\n<Document>: b 온돌<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  const GenerateRequest request = engine_->wait_submitted(3);
  EXPECT_TRUE(request.prompt_only);
  EXPECT_EQ(request.score_tokens, (std::vector<int32_t>{'y', 'n'}));
  const size_t tokens = engine_->wait_submitted(1).prompt.size() + engine_->wait_submitted(2).prompt.size() + request.prompt.size();
  judge(3, -3, -3);
  judge(1, -9, -1);
  EXPECT_FALSE(exchange->answered());
  judge(2, -0.5f, -2.5f);
  const json::value body = answer(exchange);
  EXPECT_EQ(body.at("model"), "tiny");
  const json::array& results = body.at("results").as_array();
  ASSERT_EQ(results.size(), 3u);
  const std::vector<std::pair<int, double>> want = {{1, 1 / (1 + std::exp(-2.0))}, {2, 0.5}, {0, 1 / (1 + std::exp(8.0))}};
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(results[i].at("index"), want[i].first);
    EXPECT_NEAR(results[i].at("relevance_score").to_number<double>(), want[i].second, 1e-12);
  }
  EXPECT_EQ(results[0].at("document").at("text"), "b 온돌");
  EXPECT_EQ(body.at("usage"), json::value({{"prompt_tokens", tokens}, {"total_tokens", tokens}}));
  EXPECT_EQ(find_header(exchange->wait().headers, "x-request-id"), "r1");
  EXPECT_EQ(find_header(exchange->wait().headers, "x-ondol-ignored"), "max_chunks");
}

TEST_F(ApiRerankTest, TopNAndInstruction) {
  const auto exchange =
      rerank(R"("query": "q", "documents": ["a", "b"], "top_n": 1, "return_documents": false, "instruction": "Find poems.")");
  EXPECT_NE(prompt(2).find("<Instruct>: Find poems.\n<Query>: q\n<Document>: b"), std::string::npos) << prompt(2);
  judge(1, -1, -2);
  judge(2, -2, -1);
  const json::array results = answer(exchange).at("results").as_array();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].at("index"), 0);
  EXPECT_FALSE(results[0].as_object().contains("document"));
}

TEST_F(ApiRerankTest, AFewDocumentsAreInTheEngineAtOnce) {
  const auto exchange = rerank(documents(40));
  engine_->wait_submitted(ChatRerank::kInFlight);
  for (uint64_t id = 1; id <= 40; ++id) {
    EXPECT_EQ(engine_->submits(), std::min<size_t>(40, ChatRerank::kInFlight + id - 1));
    judge(id, -1, -1);
  }
  EXPECT_EQ(answer(exchange).at("results").as_array().size(), 40u);
}

TEST_F(ApiRerankTest, AFullQueueIsWaitedFor) {
  const auto exchange = rerank(documents(20));
  engine_->wait_submitted(16);
  engine_->refusal = {Code::kResourceExhausted, "full"};
  judge(1, -1, -1);
  EXPECT_EQ(engine_->submits(), 16u);
  engine_->refusal = {};
  judge(2, -1, -1);
  EXPECT_EQ(engine_->submits(), 18u);
  for (uint64_t id = 3; id <= 20; ++id) judge(id, -1, -1);
  EXPECT_EQ(answer(exchange).at("results").as_array().size(), 20u);

  engine_->refusal = {Code::kResourceExhausted, "full"};
  EXPECT_EQ(error(rerank(documents(2)), 429).at("message"), "full");
}

TEST_F(ApiRerankTest, AClientThatLeavesFreesTheEngine) {
  const auto exchange = rerank(documents(20));
  engine_->wait_submitted(16);
  exchange->disconnect();
  for (uint64_t id = 1; id <= 16; ++id) engine_->wait_cancelled(id);
  for (uint64_t id = 1; id <= 16; ++id) engine_->finish(id, FinishReason::kCancelled);
  EXPECT_EQ(engine_->submits(), 16u);
  api_.reset();
  EXPECT_FALSE(exchange->answered());
}

TEST_F(ApiRerankTest, OneFailureEndsTheRequest) {
  const auto exchange = rerank(documents(3));
  engine_->wait_submitted(3);
  engine_->finish(2, FinishReason::kError, 0, {Code::kInternal, "a NaN came out"});
  engine_->wait_cancelled(1);
  engine_->wait_cancelled(3);
  EXPECT_FALSE(exchange->answered());
  judge(1, -1, -1);
  engine_->finish(3, FinishReason::kCancelled);
  EXPECT_EQ(error(exchange, 500).at("message"), "a NaN came out");
}

TEST_F(ApiRerankTest, LongDocumentsAreRefusedOrCut) {
  const std::string fields = R"("query": "query", "documents": ["short", ")" + std::string(900, 'x') + R"("])";
  const json::object refused = error(rerank(fields), 400);
  EXPECT_EQ(refused.at("param"), "documents[1]");
  EXPECT_EQ(refused.at("code"), "context_length_exceeded");
  EXPECT_EQ(engine_->submits(), 0u);
  rerank(fields + R"(, "truncate_prompt_tokens": -1)");
  EXPECT_NE(prompt(1).find("<Document>: short\n"), std::string::npos);
  const size_t length = engine_->wait_submitted(2).prompt.size();
  EXPECT_LT(length, 1000u);
  EXPECT_GT(length, 980u);
  rerank(fields + R"(, "truncate_prompt_tokens": 3)");
  EXPECT_NE(prompt(4).find("<Query>: que\n<Document>: xxx\n"), std::string::npos) << prompt(4);
  const json::object no_room =
      error(rerank(R"("query": ")" + std::string(900, 'q') + R"(", "documents": ["a"], "truncate_prompt_tokens": -1)"), 400);
  EXPECT_EQ(no_room.at("param"), "query");
}

TEST_F(ApiRerankTest, RefusesByName) {
  EXPECT_EQ(error(rerank(R"("query": "q")"), 400).at("param"), "documents");
  EXPECT_EQ(error(send("POST", "/v1/rerank", R"({"model": "none", "query": "q", "documents": ["a"]})"), 404).at("code"), "model_not_found");
  EXPECT_EQ(error(send("POST", "/v1/rerank", R"({"query": "q", "documents": ["a"]})"), 400).at("param"), "model");
  start({}, "{{ raise_exception('no system role') }}");
  const json::object refused = error(rerank(documents(1)), 400);
  EXPECT_EQ(refused.at("param"), "model");
  EXPECT_NE(std::string(refused.at("message").as_string()).find("no system role"), std::string::npos);
}

}  // namespace
}  // namespace ondol
