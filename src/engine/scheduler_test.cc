#include "engine/scheduler.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

using Plan = std::vector<int>;

TEST(PlanStep, StreamsFirstThenPromptsInOrder) {
  const std::vector<SequenceView> views = {{0, 1000, false}, {50, 1, false}, {0, 40, false}, {70, 1, false}};
  EXPECT_EQ(plan_step(views, {512, 64, 32}), (Plan{64, 1, 0, 1}));
}

TEST(PlanStep, PromptAloneTakesTheWholeBudget) {
  const std::vector<SequenceView> views = {{0, 1000, false}};
  EXPECT_EQ(plan_step(views, {512, 64, 32}), (Plan{512}));
}

TEST(PlanStep, ChunksEndOnBlockEdges) {
  EXPECT_EQ(plan_step(std::vector<SequenceView>{{10, 1000, false}}, {100, 64, 32}), (Plan{86}));  // 10 + 86 = 96
  EXPECT_EQ(plan_step(std::vector<SequenceView>{{10, 1000, false}}, {5, 64, 32}), (Plan{5}));     // no edge in reach
  EXPECT_EQ(plan_step(std::vector<SequenceView>{{10, 90, false}}, {100, 64, 32}), (Plan{90}));    // the last chunk ends where it ends
}

TEST(PlanStep, WhatWaitsTakesNothing) {
  const std::vector<SequenceView> views = {{0, 64, false}, {0, 64, true}, {0, 20, false}};
  EXPECT_EQ(plan_step(views, {512, 64, 32}), (Plan{64, 0, 20}));
}

TEST(PlanStep, ForcedTokensGoWithTheStreams) {
  const std::vector<SequenceView> views = {{0, 1000, false}, {50, 9, false, true}, {70, 1, false, true}};
  EXPECT_EQ(plan_step(views, {512, 64, 32, 8}), (Plan{64, 9, 1}));
  // An answer that is computed again after it was put back takes its turn as a prompt.
  EXPECT_EQ(plan_step(std::vector<SequenceView>{{0, 400, false, true}, {70, 1, false, true}}, {512, 64, 32, 8}), (Plan{64, 1}));
}

TEST(PlanStep, DraftsShareTheirRowsInOrder) {
  const std::vector<SequenceView> views = {{9, 1, false, true, 5}, {9, 1, false, true, 5}, {9, 1, false, true, 5}, {0, 100, false}};
  EXPECT_EQ(plan_step(views, {512, 64, 32, 8}), (Plan{6, 4, 1, 64}));
  EXPECT_EQ(plan_step(views, {512, 64, 32, 0}), (Plan{1, 1, 1, 64}));
  EXPECT_EQ(plan_step(views, {4, 64, 32, 8}), (Plan{2, 1, 1, 0}));  // streams first, then one guess
}

TEST(PlanStep, ScoredPromptsShareTheirRowsInOrder) {
  const SequenceView scored{.pending = 100, .scored = true}, plain{.pending = 100};
  EXPECT_EQ(plan_step(std::vector{scored, plain, scored}, {512, 64, 32}), (Plan{kScoredRows, 100, 0}));
  EXPECT_EQ(plan_step(std::vector{scored, plain}, {20, 64, 32}), (Plan{20, 0}));
  const SequenceView short_one{.pending = 10, .scored = true};
  EXPECT_EQ(plan_step(std::vector{short_one, scored}, {512, 64, 32}), (Plan{10, kScoredRows - 10}));
}

TEST(PlanStep, NeverPassesTheBudget) {
  for (int budget = 1; budget < 100; ++budget) {
    for (int streams = 0; streams < 8; ++streams) {
      std::vector<SequenceView> views(static_cast<size_t>(streams), SequenceView{9, 1, false, true, 3});
      views.push_back({3, 500, false});
      views.push_back({31, 500, false});
      int sum = 0;
      for (const int tokens : plan_step(views, {budget, 16, 32})) sum += tokens;
      EXPECT_LE(sum, budget);
      EXPECT_GT(sum, 0);
    }
  }
}

}  // namespace
}  // namespace ondol
