#include "device/device_metrics.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

DeviceSnapshot gpu() {
  DeviceSnapshot device;
  device.kind = DeviceKind::kNvidia;
  device.id = "GPU-1";
  device.product = "H100 \"SXM\"";
  device.power_w = 312.5;
  device.energy_j = 1000.5;
  device.temperatures_c = {{"gpu", 61}, {"memory", 70}};
  device.memory_total_bytes = 1024;
  return device;
}

constexpr const char* kLabels = "device=\"GPU-1\",kind=\"nvidia\",product=\"H100 \\\"SXM\\\"\"";

void expect_line(const Registry& registry, const std::string& name, const std::string& more_labels, const std::string& value) {
  const std::string text = registry.render();
  const std::string line = "\nondol_device_" + name + "{" + kLabels + more_labels + "} " + value + "\n";
  EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(DeviceMetrics, ExportsWhatTheDeviceTells) {
  Registry registry;
  DeviceMetrics metrics(registry);
  metrics.update({gpu()});
  expect_line(registry, "power_watts", "", "312.5");
  expect_line(registry, "energy_joules_total", "", "0");
  expect_line(registry, "temperature_celsius", ",sensor=\"gpu\"", "61");
  expect_line(registry, "temperature_celsius", ",sensor=\"memory\"", "70");
  expect_line(registry, "memory_total_bytes", "", "1024");
  expect_line(registry, "healthy", "", "1");
  EXPECT_EQ(registry.render().find("utilization"), std::string::npos);  // unknown is not zero
}

TEST(DeviceMetrics, CountsEnergyOverResets) {
  Registry registry;
  DeviceMetrics metrics(registry);
  DeviceSnapshot device = gpu();
  for (const double energy_j : {1000.5, 1001.25, 1002.0, 5.0}) {
    device.energy_j = energy_j;
    metrics.update({device});
  }
  expect_line(registry, "energy_joules_total", "", "6");  // 1.5 and then 5 since the reset
}

TEST(DeviceMetrics, ALostFigureIsNoFigureAndALostDeviceIsNotHealthy) {
  Registry registry;
  DeviceMetrics metrics(registry);
  DeviceSnapshot device = gpu();
  metrics.update({device});
  device.power_w.reset();
  device.unhealthy = "lost";
  metrics.update({device});
  expect_line(registry, "power_watts", "", "NaN");
  expect_line(registry, "healthy", "", "0");
  device.unhealthy.clear();
  metrics.update({device});
  expect_line(registry, "healthy", "", "1");
  metrics.update({});
  expect_line(registry, "healthy", "", "0");
  expect_line(registry, "memory_total_bytes", "", "NaN");
}

TEST(DeviceMetrics, IsBounded) {
  Registry registry;
  DeviceMetrics metrics(registry);
  std::vector<DeviceSnapshot> devices;
  for (size_t i = 0; i < DeviceMetrics::kMaxDevices + 5; ++i) {
    devices.push_back(gpu());
    devices.back().id = "GPU-" + std::to_string(i) + std::string(200, 'x');
    for (int sensor = 0; sensor < 20; ++sensor) devices.back().temperatures_c[std::to_string(sensor)] = 1;
  }
  metrics.update(devices);
  const std::string text = registry.render();
  const auto lines = [&](const std::string& begin) {
    size_t count = 0;
    for (size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(lines("\nondol_device_healthy{"), DeviceMetrics::kMaxDevices);
  EXPECT_EQ(lines("\nondol_device_temperature_celsius{"), DeviceMetrics::kMaxDevices * DeviceMetrics::kMaxSensors);
  EXPECT_EQ(text.find(std::string(65, 'x')), std::string::npos);
}

}  // namespace
}  // namespace ondol
