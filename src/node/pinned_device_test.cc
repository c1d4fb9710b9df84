#include "node/pinned_device.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

DeviceSnapshot snapshot(DeviceKind kind, std::string name, int cores = 0, std::string unhealthy = "") {
  DeviceSnapshot out;
  out.kind = kind;
  out.name = std::move(name);
  out.unhealthy = std::move(unhealthy);
  for (int i = 0; i < cores; ++i) out.cores.emplace_back().index = i;
  return out;
}

std::string trouble(const std::string& device, const DeviceView& view) {
  DeclaredEngine engine;
  engine.devices = {device};
  return device_trouble(engine, view).value_or("");
}

DeviceView machine() {
  return {.devices = {snapshot(DeviceKind::kRngd, "npu0", 8), snapshot(DeviceKind::kRngd, "npu1", 4),
                      snapshot(DeviceKind::kRngd, "npu2", 8, "it is hot"), snapshot(DeviceKind::kNvidia, "gpu0"),
                      snapshot(DeviceKind::kNvidia, "gpu1", 0, "GPU is lost"), snapshot(DeviceKind::kCpu, "cpu")},
          .kinds = {DeviceKind::kRngd, DeviceKind::kNvidia, DeviceKind::kCpu}};
}

TEST(PinnedDevice, WhatIsThereAndWellIsNoTrouble) {
  for (const char* device : {"npu:0", "npu:0:7", "npu:0:4-7", "npu:1", "npu:1:0-3", "gpu:0", "cpu"}) {
    EXPECT_EQ(trouble(device, machine()), "") << device;
  }
}

TEST(PinnedDevice, TroubleIsNamed) {
  EXPECT_EQ(trouble("npu:3", machine()), "npu3 is not there; this machine has npu0, npu1, npu2");
  EXPECT_EQ(trouble("gpu:8", machine()), "gpu8 is not there; this machine has gpu0, gpu1");
  EXPECT_EQ(trouble("npu:1:2-5", machine()), "npu1 has no PE 5; its last one is 3");
  EXPECT_EQ(trouble("npu:2:0", machine()), "npu2 is unhealthy: it is hot");
  EXPECT_EQ(trouble("gpu:1", machine()), "gpu1 is unhealthy: GPU is lost");
}

TEST(PinnedDevice, OnlyWhatIsNotThereIsMissing) {
  DeclaredEngine engine;
  engine.devices = {"npu:0", "npu:2"};
  EXPECT_FALSE(missing_device(engine, machine()));
  EXPECT_TRUE(device_trouble(engine, machine()));
  engine.devices.emplace_back("npu:7");
  EXPECT_TRUE(missing_device(engine, machine()));
}

TEST(PinnedDevice, NothingIsKnownOfAKindThatWasNeverSeen) {
  const DeviceView blind{.devices = {snapshot(DeviceKind::kCpu, "cpu")}, .kinds = {DeviceKind::kCpu}};
  EXPECT_EQ(trouble("npu:0", blind), "");
  EXPECT_EQ(trouble("gpu:0", blind), "");
  const DeviceView lost{.devices = {}, .kinds = {DeviceKind::kRngd}};
  EXPECT_EQ(trouble("npu:0", lost), "npu0 is not there; this machine has none now");
  EXPECT_EQ(trouble("gpu:0", lost), "");
}

TEST(PinnedDevice, EveryDeviceOfAnEngineHasItsStanding) {
  DeclaredEngine engine;
  engine.devices = {"npu:0:0-3", "npu:2", "npu:9", "cpu"};
  const std::vector<PinnedDevice> found = pinned_devices(engine, machine());
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].device, "npu:0:0-3");
  EXPECT_EQ(found[0].standing, DeviceStanding::kWell);
  EXPECT_EQ(found[1].standing, DeviceStanding::kUnhealthy);
  EXPECT_EQ(found[2].standing, DeviceStanding::kGone);
  EXPECT_EQ(device_standing_name(found[2].standing), "gone");
}

TEST(PinnedDevice, AMessageNamesAFewOfMany) {
  DeviceView view{.devices = {}, .kinds = {DeviceKind::kNvidia}};
  for (int i = 0; i < 200; ++i) view.devices.push_back(snapshot(DeviceKind::kNvidia, "gpu" + std::to_string(i)));
  EXPECT_TRUE(trouble("gpu:250", view).ends_with("gpu15 and 184 more"));
}

}  // namespace
}  // namespace ondol
