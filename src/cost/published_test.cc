// The model against what others measured: the figures that docs/cost.md states, on rows that were not used to fit.
#include "cost/published.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace ondol {
namespace {

struct Spread {
  double median = 0, worst = 0;
  size_t rows = 0;
};

template <class Test>
Spread held_out(Test test) {
  std::vector<double> off;
  const auto checked = check_published();
  for (const Checked& one : checked.value()) {
    if (!one.row.fitted && test(one.row)) off.push_back(std::abs(one.deviation()));
  }
  std::ranges::sort(off);
  if (off.empty()) return {};
  return {off[off.size() / 2], off.back(), off.size()};
}

TEST(Published, EveryRowCanBePredictedAndTheWorstComesFirst) {
  const auto checked = check_published();
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->size(), all_published().size());
  for (const Checked& one : *checked) {
    EXPECT_TRUE(std::isfinite(one.predicted) && one.predicted > 0) << one.row.source << " " << one.row.model;
    EXPECT_LE(std::abs(std::log(one.predicted / one.row.value)),
              std::abs(std::log(checked->front().predicted / checked->front().row.value)));
  }
}

TEST(Published, RngdLlamaTpotAndThroughputHold) {
  for (const Quantity quantity : {Quantity::kTpotMs, Quantity::kTokensPerS}) {
    const Spread spread = held_out([&](const PublishedRow& row) {
      return row.source.starts_with("HeteroPilot") && row.model == "llama-3.1-8b" && row.quantity == quantity;
    });
    EXPECT_GE(spread.rows, 4U);
    EXPECT_LT(spread.median, 0.10);
    EXPECT_LT(spread.worst, 0.20);
  }
}

TEST(Published, RngdThroughputsOfOthersHold) {
  const Spread spread = held_out([](const PublishedRow& row) {
    return row.device == "rngd" && !row.source.starts_with("HeteroPilot") && row.quantity == Quantity::kTokensPerS;
  });
  EXPECT_EQ(spread.rows, 5U);
  EXPECT_LT(spread.worst, 0.25);
}

TEST(Published, GpuEnergyHolds) {
  for (const std::string_view device : {"h100", "b200"}) {
    const Spread spread =
        held_out([&](const PublishedRow& row) { return row.device == device && row.quantity == Quantity::kJoulesPerToken; });
    EXPECT_GT(spread.rows, 50U);
    EXPECT_LT(spread.median, 0.20) << device;
  }
}

TEST(Published, VllmLogHolds) {
  const Spread spread = held_out([](const PublishedRow& row) { return row.device == "rtx-pro-6000"; });
  EXPECT_GE(spread.rows, 9U);
  EXPECT_LT(spread.median, 0.10);
  EXPECT_LT(spread.worst, 0.20);
}

TEST(ServeEstimate, MoreClientsGiveMoreTokensAndLongerGaps) {
  const CostModel model = *CostModel::make(*builtin_device("rngd"), *builtin_model("llama-3.1-8b"), {});
  double tokens = 0, gap = 0;
  for (const double clients : {1.0, 2.0, 8.0, 32.0, 64.0}) {
    const ServeEstimate made = serve_estimate(model, {.concurrency = clients, .input = 1220, .output = 652, .spread = 4});
    EXPECT_GT(made.tokens_per_s, tokens);
    EXPECT_GT(made.tpot_s, gap);
    EXPECT_NEAR(made.energy_j_per_token, made.power_w / made.tokens_per_s, 1e-9);
    // Little's law: clients = rate x time in the system.
    const double in_system = made.tokens_per_s / 652 * (made.ttft_s + 651 * made.tpot_s);
    EXPECT_NEAR(in_system / clients, 1, 0.02);
    tokens = made.tokens_per_s;
    gap = made.tpot_s;
  }
}

TEST(ServeEstimate, WhoFindsNoPlaceWaits) {
  const CostModel model = *CostModel::make(*builtin_device("rngd"), *builtin_model("llama-3.1-8b"), {});
  const ServeEstimate full = serve_estimate(model, {.concurrency = 8, .input = 500, .output = 500, .max_batch = 8});
  const ServeEstimate over = serve_estimate(model, {.concurrency = 32, .input = 500, .output = 500, .max_batch = 8});
  EXPECT_LE(over.streams, 8);
  EXPECT_LT(over.tokens_per_s, 1.1 * full.tokens_per_s);
  EXPECT_GT(over.ttft_s, 10 * full.ttft_s);
}

}  // namespace
}  // namespace ondol
