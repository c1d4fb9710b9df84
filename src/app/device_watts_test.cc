#include "app/device_watts.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

DeviceSnapshot device(DeviceKind kind, const std::string& product) {
  DeviceSnapshot out;
  out.kind = kind;
  out.product = product;
  return out;
}

TEST(DeviceWatts, AreThoseOfTheProduct) {
  DeviceSnapshot gpu = device(DeviceKind::kNvidia, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(watts_of(gpu).busy, 700);
  gpu.product = "NVIDIA L40S";
  gpu.power_limit_w = 300;
  EXPECT_EQ(watts_of(gpu).busy, 350);
  gpu.product = "NVIDIA T4";
  gpu.power_limit_w = 72;
  EXPECT_EQ(watts_of(gpu).busy, 72);
  EXPECT_EQ(watts_of(gpu).idle, 9);
  gpu.power_limit_w.reset();
  EXPECT_GT(watts_of(gpu).busy, watts_of(gpu).idle);
  EXPECT_GT(watts_of(device(DeviceKind::kRebellions, "RBLN-CA22")).idle, 0);
  EXPECT_EQ(watts_of(device(DeviceKind::kRngd, "FuriosaAI RNGD")).idle, 40);
}

}  // namespace
}  // namespace ondol
