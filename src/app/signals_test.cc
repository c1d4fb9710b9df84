#include "app/signals.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

namespace ondol {
namespace {

TEST(StopSignals, TheFirstOneAfterArmingLetsWaitReturn) {
  StopSignals signals;
  signals.arm();
  ::raise(SIGTERM);
  EXPECT_EQ(signals.wait(), SIGTERM);
}

TEST(StopSignalsDeathTest, EndsTheProcessBeforeArmingAndTheSecondTime) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        StopSignals signals;
        ::raise(SIGTERM);
      },
      testing::ExitedWithCode(128 + SIGTERM), "");
  EXPECT_EXIT(
      {
        StopSignals signals;
        signals.arm();
        ::raise(SIGTERM);
        ::raise(SIGINT);
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(InterruptFlag, IsRaisedAndCleared) {
  InterruptFlag flag;
  EXPECT_FALSE(flag.raised());
  ::raise(SIGINT);
  EXPECT_TRUE(flag.raised());
  flag.clear();
  EXPECT_FALSE(flag.raised());
}

}  // namespace
}  // namespace ondol
