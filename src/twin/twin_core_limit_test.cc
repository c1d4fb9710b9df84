// What a power limit and a slower clock do to the steps.
#include <gtest/gtest.h>

#include "twin/twin_core_test_util.h"

namespace ondol {
namespace {

class TwinCoreLimit : public TwinCoreTest {
 protected:
  double idle_w() const { return core_->options().cost.idle_power_w(); }
  // The time between the last two tokens of one answer alone, and the power meanwhile.
  struct Pace {
    double tpot_s, power_w;
    bool capped;
  };
  Pace pace() {
    EXPECT_TRUE(submit(500, 10));
    const Told& told = *told_.back();
    while (told.tokens.size() < 9) {
      now_ = std::max(now_, core_->next_due());
      advance();
    }
    const TwinLoad load = core_->load(now_);
    run(now_ + 10);
    return {told.tokens[9] - told.tokens[8], load.power_w, load.capped};
  }
};

TEST_F(TwinCoreLimit, PowerStaysBelowTheLimitAndTimeGrows) {
  const Pace before = pace();
  EXPECT_FALSE(before.capped);
  const double dynamic_w = before.power_w - idle_w();
  core_->limit({.dynamic_w = dynamic_w / 2});
  const Pace limited = pace();
  EXPECT_NEAR(limited.power_w, idle_w() + dynamic_w / 2, 1e-6);
  EXPECT_NEAR(limited.tpot_s, 2 * before.tpot_s, 1e-6);
  EXPECT_TRUE(limited.capped);
  core_->limit({});
  const Pace after = pace();
  EXPECT_NEAR(after.tpot_s, before.tpot_s, 1e-6);
  EXPECT_NEAR(after.power_w, before.power_w, 1e-6);
  EXPECT_FALSE(after.capped);
}

TEST_F(TwinCoreLimit, AStepIsSlowedDownFiveTimesAtMost) {
  const Pace before = pace();
  core_->limit({.dynamic_w = 0});
  const Pace limited = pace();
  EXPECT_NEAR(limited.tpot_s, before.tpot_s / TwinLimits::kLeastPace, 1e-6);
  EXPECT_GT(limited.power_w, idle_w());
}

TEST_F(TwinCoreLimit, ALimitThatIsNotReachedChangesNothing) {
  const Pace before = pace();
  core_->limit({.dynamic_w = before.power_w - idle_w() + 1});
  const Pace limited = pace();
  EXPECT_NEAR(limited.tpot_s, before.tpot_s, 1e-9);
  EXPECT_FALSE(limited.capped);
}

TEST_F(TwinCoreLimit, ASlowerClockTakesLongerAtLessPower) {
  const Pace before = pace();
  core_->limit({.clock = 0.5});
  const Pace slow = pace();
  EXPECT_NEAR(slow.tpot_s, 2 * before.tpot_s, 1e-6);
  EXPECT_NEAR(slow.power_w - idle_w(), (before.power_w - idle_w()) / 2, 1e-6);
  EXPECT_FALSE(slow.capped);
}

TEST_F(TwinCoreLimit, EnergyIsStillIdlePlusTheRequestsShares) {
  core_->limit({.dynamic_w = 30, .clock = 0.8});
  ASSERT_TRUE(submit(500, 20));
  ASSERT_TRUE(submit(900, 30));
  run_all();
  const double busy_s = told_[1]->tokens.back();
  const double shares_j = told_[0]->usage.energy_j + told_[1]->usage.energy_j;
  EXPECT_NEAR(core_->load(now_).energy_j, shares_j + idle_w() * (now_ - busy_s), 1e-3 * shares_j);
}

}  // namespace
}  // namespace ondol
