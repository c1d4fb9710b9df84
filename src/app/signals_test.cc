#include "app/signals.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <latch>
#include <thread>

namespace ondol {
namespace {

TEST(StopSignals, TheFirstOneAfterArmingLetsWaitReturn) {
  StopSignals signals;
  signals.arm();
  ::raise(SIGTERM);
  EXPECT_EQ(signals.wait(), SIGTERM);
}

// The handler runs on the thread that was hit while another one waits and then closes what the handler writes to: for ThreadSanitizer.
TEST(StopSignals, TheHandlerIsDoneWhenWaitReturns) {
  for (int i = 0; i < 50; ++i) {
    std::latch armed(1);
    int number = 0;
    std::thread waiter([&] {
      StopSignals signals;
      signals.arm();
      armed.count_down();
      number = signals.wait();
    });
    armed.wait();
    ::raise(SIGTERM);
    waiter.join();
    EXPECT_EQ(number, SIGTERM);
  }
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
