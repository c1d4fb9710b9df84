// Completions that begin with their prompt, and with its log-probabilities.
#include <cmath>

#include "gateway/api_test_util.h"

namespace ondol {
namespace {

TEST_F(ApiTest, EchoBeginsWithThePrompt) {
  const auto exchange = complete(R"({"model": "tiny", "prompt": "ab", "echo": true})");
  engine_->wait_submitted(1);
  engine_->text(1, "c");
  engine_->finish(1, FinishReason::kLength, 1);
  EXPECT_EQ(answer(exchange).at("choices").at(0).at("text"), "abc");
}

TEST_F(ApiTest, EchoWithLogprobsTellsThoseOfThePrompt) {
  const std::string fields = R"({"model": "tiny", "prompt": "a돌", "echo": true, "logprobs": 1, "max_tokens": )";
  const std::string prompt_bytes = "a돌";
  const auto tell = [&](uint64_t id) {
    std::vector<TokenEvent> tokens = {{.token = 256, .logprob = NAN, .top = {}}};
    for (const char c : prompt_bytes) tokens.push_back({.token = static_cast<unsigned char>(c), .logprob = -0.5f, .top = {{'z', -0.25f}}});
    engine_->prompt(id, std::move(tokens));
  };
  const auto whole = complete(fields + "2}");
  EXPECT_EQ(engine_->wait_submitted(1).prompt_logprobs, 1);
  EXPECT_FALSE(engine_->wait_submitted(1).prompt_only);
  tell(1);
  engine_->token(1, 'c', -1, {{'c', -1}});
  engine_->token(1, 'd', -2, {{'c', -1}});
  engine_->finish(1, FinishReason::kLength, 2);
  const json::value choice = answer(whole).at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "a돌cd");
  EXPECT_EQ(choice.at("logprobs").at("tokens"), json::parse(R"(["<end>", "a", "bytes:\\xeb", "bytes:\\x8f", "bytes:\\x8c", "c", "d"])"));
  EXPECT_EQ(choice.at("logprobs").at("token_logprobs"), json::parse("[null, -0.5, -0.5, -0.5, -0.5, -1.0, -2.0]"));
  EXPECT_EQ(choice.at("logprobs").at("top_logprobs"),
            json::parse(R"([null, {"z": -0.25}, {"z": -0.25}, {"z": -0.25}, {"z": -0.25}, {"c": -1.0}, {"c": -1.0}])"));
  EXPECT_EQ(choice.at("logprobs").at("text_offset"), json::parse("[0, 0, 1, 1, 1, 2, 3]"));

  const auto alone = complete(fields + "0}");
  EXPECT_TRUE(engine_->wait_submitted(2).prompt_only);
  tell(2);
  engine_->finish(2, FinishReason::kLength, 0);
  const json::value scored = answer(alone);
  EXPECT_EQ(scored.at("choices").at(0).at("text"), "a돌");
  EXPECT_EQ(scored.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(scored.at("choices").at(0).at("logprobs").at("tokens").as_array().size(), 5u);
  EXPECT_EQ(scored.at("usage").at("completion_tokens"), 0);
}

TEST_F(ApiTest, EchoWithLogprobsStreamsThePromptFirst) {
  const auto exchange = complete(R"({"model": "tiny", "prompt": "ab", "echo": true, "logprobs": 0, "stream": true})");
  EXPECT_EQ(engine_->wait_submitted(1).prompt_logprobs, 0);
  engine_->prompt(
      1, {{.token = 256, .logprob = NAN, .top = {}}, {.token = 'a', .logprob = -1, .top = {}}, {.token = 'b', .logprob = -2, .top = {}}});
  exchange->wait_for("\"ab\"");
  engine_->token(1, 'c', -3);
  engine_->finish(1, FinishReason::kLength, 1);
  std::string text;
  json::array logprobs;
  for (const std::string& event : events(exchange)) {
    if (event == "[DONE]") continue;
    const json::value choice = json::parse(event).at("choices").at(0);
    text += choice.at("text").as_string();
    if (choice.at("logprobs").is_null()) continue;
    for (const json::value& one : choice.at("logprobs").at("token_logprobs").as_array()) logprobs.push_back(one);
  }
  EXPECT_EQ(text, "abc");
  EXPECT_EQ(logprobs, json::parse("[null, -1.0, -2.0, -3.0]"));
}

// Without echo or without logprobs the prompt is not scored.
TEST_F(ApiTest, OnlyEchoWithLogprobsScoresThePrompt) {
  complete(R"({"model": "tiny", "prompt": "ab", "echo": true})");
  EXPECT_EQ(engine_->wait_submitted(1).prompt_logprobs, -1);
  complete(R"({"model": "tiny", "prompt": "ab", "logprobs": 1})");
  EXPECT_EQ(engine_->wait_submitted(2).prompt_logprobs, -1);
}

}  // namespace
}  // namespace ondol
