#include "twin/twin_core.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "twin/twin_core_test_util.h"

namespace ondol {
namespace {

TEST_F(TwinCoreTest, TokensComeAtTheEndsOfTheirSteps) {
  now_ = 2;
  ASSERT_TRUE(submit(500, 4));
  run(1000);
  ASSERT_EQ(told_[0]->tokens.size(), 4U);
  EXPECT_NEAR(told_[0]->tokens[0], 2 + cost(500, 1), 1e-9);
  EXPECT_NEAR(told_[0]->tokens[3], 2 + cost(500, 4), 1e-9);
  EXPECT_EQ(told_[0]->finish, TwinFinish::kLength);
  EXPECT_EQ(told_[0]->usage.prompt_tokens, 500);
  EXPECT_EQ(told_[0]->usage.completion_tokens, 4);
  EXPECT_EQ(core_->next_due(), TwinCore::kNever);
}

TEST_F(TwinCoreTest, AThreadThatWakesLateDoesNotSlowThePace) {
  ASSERT_TRUE(submit(500, 100));
  run(1000, 0.003);
  EXPECT_NEAR(told_[0]->tokens[99], cost(500, 100) + 0.003, 1e-6);
}

TEST_F(TwinCoreTest, LongLossesAreNotCaughtUpOn) {
  ASSERT_TRUE(submit(500, 3));
  advance();
  now_ = 10;  // the machine slept
  advance();
  advance();
  EXPECT_EQ(told_[0]->tokens.size(), 1U);
  EXPECT_NEAR(core_->next_due(), 10 + core_->options().cost.decode(1, 501).seconds, 1e-9);
}

TEST_F(TwinCoreTest, ARequestJoinsTheFirstStepThatBeginsAfterItCame) {
  ASSERT_TRUE(submit(500, 50));
  advance();
  now_ = core_->next_due() + 0.001;
  ASSERT_TRUE(submit(500, 50));  // came after the step should have ended, before the thread woke
  advance();
  EXPECT_EQ(core_->load(now_).waiting, 1);
  EXPECT_EQ(core_->load(now_).running, 1);
  now_ = core_->next_due();
  advance();
  EXPECT_EQ(core_->load(now_).running, 2);
}

TEST_F(TwinCoreTest, EnergyIsIdlePlusTheRequestsShares) {
  const double idle_w = core_->options().cost.idle_power_w();
  now_ = 3;
  ASSERT_TRUE(submit(500, 20));
  ASSERT_TRUE(submit(900, 30));
  run(20);
  const TwinLoad load = core_->load(20);
  double busy_s = 0;
  for (const double at : told_[1]->tokens) busy_s = at - 3;
  EXPECT_NEAR(load.energy_j, told_[0]->usage.energy_j + told_[1]->usage.energy_j + idle_w * (20 - busy_s), 1e-6);
  EXPECT_EQ(load.power_w, idle_w);
  EXPECT_EQ(load.generated_tokens, 50);
  EXPECT_EQ(load.prompt_tokens, 1400);
}

TEST_F(TwinCoreTest, ShownEnergyNeverGoesBack) {
  std::mt19937 random(1);
  double before = 0;
  for (int i = 0; i < 2000; ++i) {
    now_ += 0.01 * static_cast<double>(random() % 10);
    if (random() % 20 == 0) {
      ASSERT_TRUE(submit(300, 20));
    }
    if (random() % 40 == 0) core_->inject({Kind::kHang, 1, 0.3}, now_);
    if (random() % 3 == 0) advance();
    const double energy = core_->load(now_).energy_j;
    EXPECT_GE(energy, before);
    before = energy;
  }
}

TEST_F(TwinCoreTest, BusyIsTheShareOfTheLastSecond) {
  EXPECT_EQ(core_->load(0).busy, 0);
  ASSERT_TRUE(submit(100, 2000));
  run(5);
  EXPECT_GT(core_->load(now_).busy, 0.999);
  EXPECT_GT(core_->load(now_).power_w, core_->options().cost.idle_power_w());
  core_->cancel(1);
  run(5.5);
  EXPECT_NEAR(core_->load(now_).busy, 0.5, 0.1);
  run(8);
  EXPECT_EQ(core_->load(now_).busy, 0);
}

TEST_F(TwinCoreTest, TheCacheIsToldInTheUsage) {
  ASSERT_TRUE(submit(800, 2, 9));
  ASSERT_TRUE(submit(800, 2, 9));
  run_all();
  EXPECT_EQ(told_[0]->usage.cached_tokens, 0);
  EXPECT_EQ(told_[1]->usage.cached_tokens, 799);
  EXPECT_EQ(core_->load(now_).cached_tokens, 799);
  EXPECT_EQ(core_->load(now_).prefix_queries, 1600);
}

TEST_F(TwinCoreTest, WhatCannotRunIsRefused) {
  const int64_t context = core_->options().max_context;
  EXPECT_EQ(submit(0, 5).error().code, Code::kInvalidArgument);
  EXPECT_EQ(submit(5, 0).error().code, Code::kInvalidArgument);
  EXPECT_EQ(submit(context, 1).error().code, Code::kInvalidArgument);
  EXPECT_EQ(submit(1, std::numeric_limits<int64_t>::max()).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(submit(context - 1, 1));
}

TEST_F(TwinCoreTest, TheQueueHasALimit) {
  TwinEngineOptions options = rngd_options();
  options.max_concurrency = 1;
  options.max_waiting = 2;
  restart(options);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(submit(10, 10));
  EXPECT_EQ(submit(10, 10).error().code, Code::kResourceExhausted);
  core_->cancel(2);
  EXPECT_TRUE(submit(10, 10));
}

TEST_F(TwinCoreTest, CancelAtAnyMoment) {
  // Before it is seen, in the queue, in its prompt, while it answers, after its end: one end each, and others are not touched.
  const double step = cost(2000, 1) / 2;
  for (const double at : {-1.0, 0.3 * step, 1.1 * step, 1.9 * step, cost(2000, 2) + 0.001, cost(2000, 5) + 100}) {
    restart(rngd_options());
    told_.clear();
    now_ = 0;
    const Result<uint64_t> id = submit(2000, 5);
    ASSERT_TRUE(id);
    ASSERT_TRUE(submit(100, 7));
    run(at);
    const bool ended = told_[0]->finish.has_value();
    core_->cancel(*id);
    core_->cancel(*id);
    core_->cancel(12345);
    run_all();
    EXPECT_EQ(told_[0]->finish, ended ? TwinFinish::kLength : TwinFinish::kAborted) << at;
    EXPECT_EQ(told_[1]->finish, TwinFinish::kLength);
    EXPECT_EQ(told_[1]->tokens.size(), 7U);
    EXPECT_EQ(core_->load(now_).running, 0);
    EXPECT_EQ(core_->load(now_).waiting, 0);
  }
}

}  // namespace
}  // namespace ondol
