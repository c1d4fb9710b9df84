#include "twin/twin_device.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(TwinDevice, WarmsUpUnderLoadAndCoolsDown) {
  TwinDevice card(150, 2000);
  card.advance({.power_w = 150, .busy = 1}, 1);
  const double soon = card.peak_c();
  EXPECT_GT(soon, TwinDevice::kInletC);
  for (int i = 0; i < 1000; ++i) card.advance({.power_w = 150, .busy = 1}, 0.1);
  EXPECT_NEAR(card.peak_c(), 68, 0.2);
  for (int i = 0; i < 1000; ++i) card.advance({.power_w = 40}, 0.1);
  EXPECT_NEAR(card.peak_c(), 40.9, 0.2);
}

TEST(TwinDevice, CountsEnergyAndCycles) {
  TwinDevice card(150, 2000);
  card.advance({.power_w = 100, .busy = 0.25}, 2);
  EXPECT_DOUBLE_EQ(card.energy_j(), 200);
  EXPECT_EQ(card.cycles(), 4'000'000'000u);
  EXPECT_EQ(card.task_cycles(), 1'000'000'000u);
}

TEST(TwinDevice, AThrottledOneIsHotAndSlow) {
  TwinDevice card(150, 2000);
  card.advance({.power_w = 150, .busy = 1, .throttled = true}, 1);
  EXPECT_LT(card.clock_mhz(), 2000);
  EXPECT_GT(card.peak_c(), 90);
}

}  // namespace
}  // namespace ondol
