#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ondol {
namespace {

const VectorKernels& kernels() { return vector_kernels(Isa::kScalar); }

TokenEvent draw(std::vector<float> logits, const SamplingParams& params, uint64_t index = 0, const TokenCounts& counts = {}) {
  auto event = sample(kernels(), logits, params, counts, index);
  EXPECT_TRUE(event);
  return event.value_or(TokenEvent{});
}

std::vector<int> histogram(const std::vector<float>& logits, SamplingParams params, int draws) {
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(draw(logits, params, static_cast<uint64_t>(i)).token)];
  return counts;
}

TEST(Sampler, GreedyTakesTheFirstOfTheBest) { EXPECT_EQ(draw({1, 5, 5, 2}, {.temperature = 0}).token, 1); }

TEST(Sampler, DrawsFollowTheDistribution) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto counts = histogram(logits, {.seed = 7}, 20000);
  EXPECT_NEAR(counts[0], 10000, 300);
  EXPECT_NEAR(counts[1], 6000, 300);
  const auto warm = histogram(logits, {.temperature = 2, .seed = 7}, 20000);  // square roots, normalised
  EXPECT_NEAR(warm[0], 20000 * std::sqrt(0.5) / (std::sqrt(0.5) + std::sqrt(0.3) + std::sqrt(0.2)), 300);
}

TEST(Sampler, FiltersLeaveOnlyWhatTheyName) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.4f), std::log(0.3f), std::log(0.2f)};
  EXPECT_EQ(histogram(logits, {.top_k = 2}, 2000)[0] + histogram(logits, {.top_k = 2}, 2000)[3], 0);
  const auto top_p = histogram(logits, {.top_p = 0.65f}, 2000);
  EXPECT_EQ(top_p[0] + top_p[3], 0);
  EXPECT_GT(top_p[2], 0);
  const auto min_p = histogram(logits, {.min_p = 0.6f}, 2000);
  EXPECT_EQ(min_p[0] + min_p[3], 0);
  EXPECT_GT(min_p[2], 0);
  EXPECT_EQ(histogram(logits, {.top_p = 0.0f}, 100)[1], 100);
}

TEST(Sampler, TopPOfAFlatRowNeedsMoreThanTheFirstThousand) {
  const std::vector<float> flat(5000, 1.0f);
  const auto counts = histogram(flat, {.top_p = 0.5f}, 3000);
  int beyond = 0;
  for (size_t i = 2500; i < flat.size(); ++i) beyond += counts[i];
  EXPECT_EQ(beyond, 0);  // equal logits: the lower half of the ids
}

TEST(Sampler, MaskedTokensAreNeverDrawn) {
  std::vector<float> logits(130, 1.0f);
  logits[0] = 9;
  std::vector<uint64_t> allowed(3, 0);
  allowed[1] = 1u << 6;  // 70
  allowed[2] = 1u << 1;  // 129
  std::vector<float> row = logits;
  EXPECT_EQ(sample(kernels(), row, {.temperature = 0}, {}, 0, allowed)->token, 70);
  for (uint64_t i = 0; i < 100; ++i) {
    row = logits;
    const int32_t token = sample(kernels(), row, {.seed = 4}, {}, i, allowed)->token;
    EXPECT_TRUE(token == 70 || token == 129) << token;
  }
  row = logits;
  const auto event = sample(kernels(), row, {.temperature = 0, .logprobs = 1}, {}, 0, allowed);
  EXPECT_EQ(event->top[0].token, 0);  // the model's own view
  EXPECT_NEAR(event->logprob - event->top[0].logprob, -8, 1e-5);
  row = logits;
  EXPECT_EQ(sample(kernels(), row, {.temperature = 0}, {}, 0, std::vector<uint64_t>(3, 0)).error().code, Code::kInternal);
}

TEST(Sampler, SeedAndIndexDecideAlone) {
  const std::vector<float> logits(100, 0.0f);
  const int32_t token = draw(logits, {.seed = 3}, 5).token;
  EXPECT_EQ(draw(logits, {.seed = 3}, 5).token, token);
  int same = 0;
  for (uint64_t i = 0; i < 200; ++i) same += draw(logits, {.seed = 3}, i).token == draw(logits, {.seed = 4}, i).token ? 1 : 0;
  EXPECT_LT(same, 20);
}

TEST(Sampler, PenaltiesAndBias) {
  TokenCounts counts;
  counts.of[0] = {.prompt = 1, .answer = 0};
  counts.of[1] = {.prompt = 0, .answer = 2};
  EXPECT_EQ(draw({2.0f, 1.9f, 1.5f}, {.temperature = 0, .repetition_penalty = 2}, 0, counts).token, 2);
  EXPECT_EQ(draw({1.0f, 2.0f, 1.5f}, {.temperature = 0, .presence_penalty = 0.6f}, 0, counts).token, 2);
  EXPECT_EQ(draw({1.0f, 2.0f, 1.5f}, {.temperature = 0, .frequency_penalty = 0.3f}, 0, counts).token, 2);
  EXPECT_EQ(draw({2.0f, 1.0f, 0.0f}, {.temperature = 0, .presence_penalty = 1.5f}, 0, counts).token, 0);  // the prompt does not count
  EXPECT_EQ(draw({1, 2, 3}, {.temperature = 0, .logit_bias = {{0, 100}, {2, -100}}}).token, 0);
}

TEST(Sampler, LogprobsAreTheModelsOwn) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const TokenEvent event = draw(logits, {.temperature = 0, .logit_bias = {{2, 50}}, .logprobs = 2});
  EXPECT_EQ(event.token, 2);
  EXPECT_NEAR(event.logprob, std::log(0.2), 1e-5);
  ASSERT_EQ(event.top.size(), 2u);
  EXPECT_EQ(event.top[0].token, 0);
  EXPECT_NEAR(event.top[1].logprob, std::log(0.3), 1e-5);
}

TEST(Sampler, LogprobsOfTheChosenTokenAlone) {
  const TokenEvent event = draw({std::log(0.5f), std::log(0.3f), std::log(0.2f)}, {.temperature = 0, .logprobs = 0});
  EXPECT_NEAR(event.logprob, std::log(0.5), 1e-5);
  EXPECT_TRUE(event.top.empty());
}

TEST(Sampler, NonFiniteRows) {
  std::vector<float> bad(10, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(sample(kernels(), bad, {}, {}, 0).error().code, Code::kDataLoss);
  bad[4] = 1;
  EXPECT_EQ(sample(kernels(), bad, {.top_p = 0.5f}, {}, 0).value().token, 4);
}

TEST(Sampler, ValidateNamesTheParameter) {
  EXPECT_NE(validate({.temperature = -1}, 10).error().message.find("temperature"), std::string::npos);
  EXPECT_NE(validate({.top_p = 1.5f}, 10).error().message.find("top_p"), std::string::npos);
  EXPECT_NE(validate({.logit_bias = {{10, 0}}}, 10).error().message.find("token 10"), std::string::npos);
  EXPECT_FALSE(validate({.logprobs = 21}, 10));
  EXPECT_TRUE(validate({}, 10));
}

}  // namespace
}  // namespace ondol
