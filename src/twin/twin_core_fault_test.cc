#include "twin/twin_core.h"

#include <gtest/gtest.h>

#include <limits>

#include "twin/twin_core_test_util.h"

namespace ondol {
namespace {

TEST_F(TwinCoreTest, AHangHoldsTheStepAndDrawsIdlePower) {
  ASSERT_TRUE(submit(500, 2));
  advance();
  now_ = 0.001;
  core_->inject({Kind::kHang, 1, 5}, now_);
  EXPECT_EQ(core_->load(1).fault, Kind::kHang);
  EXPECT_EQ(core_->load(1).power_w, core_->options().cost.idle_power_w());
  ASSERT_TRUE(submit(10, 1));  // taken, and waits
  run(1000);
  EXPECT_NEAR(told_[0]->tokens[0], cost(500, 1) + 5, 1e-9);
  EXPECT_EQ(told_[1]->finish, TwinFinish::kLength);
  EXPECT_EQ(core_->load(now_).fault, Kind::kNone);
}

TEST_F(TwinCoreTest, AHangForGoodLastsUntilItIsEnded) {
  core_->inject({Kind::kHang, 1, 0}, now_);
  ASSERT_TRUE(submit(500, 2));
  EXPECT_EQ(core_->next_due(), TwinCore::kNever);
  now_ = 50;
  core_->inject({}, now_);
  run(1000);
  EXPECT_NEAR(told_[0]->tokens[0], 50 + cost(500, 1), 1e-9);
}

TEST_F(TwinCoreTest, SlowStepsTakeTheirFactor) {
  core_->inject({Kind::kSlow, 3, 0}, now_);
  ASSERT_TRUE(submit(500, 4));
  run(1000);
  EXPECT_NEAR(told_[0]->tokens[3], 3 * cost(500, 4), 1e-9);
}

TEST_F(TwinCoreTest, AThrottledDeviceTakesLongerAtLessPower) {
  ASSERT_TRUE(submit(500, 4));
  advance();
  const double full_w = core_->load(now_).power_w;
  run(1000);
  core_->inject({Kind::kThrottle, 2, 0}, now_);
  ASSERT_TRUE(submit(500, 4));
  advance();
  const double idle_w = core_->options().cost.idle_power_w();
  EXPECT_NEAR(core_->load(now_).power_w - idle_w, (full_w - idle_w) / 2, 1e-9);
  EXPECT_EQ(core_->load(now_).fault, Kind::kThrottle);
}

TEST_F(TwinCoreTest, ACrashEndsAllAndARestartBeginsAnew) {
  ASSERT_TRUE(submit(500, 100, 4));
  ASSERT_TRUE(submit(500, 100));
  run(1);
  ASSERT_TRUE(submit(500, 100));
  core_->inject({Kind::kCrash, 1, 10}, now_);
  advance();
  for (const auto& told : told_) EXPECT_EQ(told->finish, TwinFinish::kEngineError);
  EXPECT_EQ(submit(5, 5).error().code, Code::kUnavailable);
  EXPECT_EQ(core_->load(now_).running, 0);
  now_ = 11.5;
  ASSERT_TRUE(submit(500, 1, 4));
  run(1000);
  EXPECT_EQ(told_.back()->finish, TwinFinish::kLength);
  EXPECT_EQ(told_.back()->usage.cached_tokens, 0);
}

TEST_F(TwinCoreTest, LostDevicesDrawNothing) {
  now_ = 2;
  core_->inject({Kind::kLost, 1, 0}, now_);
  const double energy = core_->load(2).energy_j;
  EXPECT_EQ(core_->load(100).power_w, 0);
  EXPECT_EQ(core_->load(100).energy_j, energy);
  core_->inject({}, 100);
  EXPECT_NEAR(core_->load(101).energy_j, energy + core_->options().cost.idle_power_w(), 1e-9);
}

TEST_F(TwinCoreTest, GarbageIsOnlyShown) {
  core_->inject({Kind::kGarbage, 1, 1}, now_);
  EXPECT_EQ(core_->load(0.5).fault, Kind::kGarbage);
  ASSERT_TRUE(submit(500, 2));
  run(1000);
  EXPECT_NEAR(told_[0]->tokens[1], cost(500, 2), 1e-9);
  EXPECT_EQ(core_->load(2).fault, Kind::kNone);
}

TEST_F(TwinCoreTest, NonsenseInAFaultDoesNoHarm) {
  core_->inject({Kind::kSlow, std::numeric_limits<double>::quiet_NaN(), -5}, now_);
  ASSERT_TRUE(submit(500, 2));
  run(1000);
  EXPECT_NEAR(told_[0]->tokens[1], cost(500, 2), 1e-9);
}

}  // namespace
}  // namespace ondol
