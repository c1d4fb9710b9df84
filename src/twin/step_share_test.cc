#include "twin/step_share.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ondol {
namespace {

StepCost cost_with(double weights_s, double attention_s, double kv_s) {
  StepCost cost;
  cost.seconds = weights_s + attention_s + kv_s;
  cost.power_w = 100;
  cost.term_s[static_cast<size_t>(CostTerm::kWeights)] = weights_s;
  cost.term_s[static_cast<size_t>(CostTerm::kAttention)] = attention_s;
  cost.term_s[static_cast<size_t>(CostTerm::kKvRead)] = kv_s;
  return cost;
}

TEST(StepShares, WeightsGoByTokensAndAttentionByContext) {
  const std::vector<StepPart> parts = {{1, 1, 99}, {2, 1, 299}};
  std::vector<double> shares;
  step_shares(cost_with(1, 0, 0), parts, shares);
  EXPECT_DOUBLE_EQ(shares[0], 0.5);
  step_shares(cost_with(0, 0.5, 0.5), parts, shares);
  EXPECT_DOUBLE_EQ(shares[0], 0.25);
  step_shares(cost_with(1, 1, 0), parts, shares);
  EXPECT_DOUBLE_EQ(shares[0], 0.375);
}

TEST(StepShares, APromptTakesMoreThanAToken) {
  const std::vector<StepPart> parts = {{1, 1, 1000}, {2, 500, 0}};
  std::vector<double> shares;
  step_shares(cost_with(1, 1, 0), parts, shares);
  EXPECT_GT(shares[1], 0.9);
  EXPECT_DOUBLE_EQ(std::accumulate(shares.begin(), shares.end(), 0.0), 1);
}

}  // namespace
}  // namespace ondol
