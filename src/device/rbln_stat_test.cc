#include "device/rbln_stat.h"

#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

std::string corpus(const std::string& name) {
  std::ifstream file(std::string(ONDOL_SOURCE_DIR) + "/tests/fuzz/rbln_stat/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(RblnStat, ReadsSdk2) {
  const auto report = parse_rbln_stat(corpus("sdk2.json"));
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->driver_version, "3.0.0");
  ASSERT_EQ(report->devices.size(), 2u);
  const DeviceSnapshot& npu = report->devices[0];
  EXPECT_EQ(npu.id, "7a1d3c52-0000-4000-8000-000000000001");
  EXPECT_EQ(npu.name, "rbln0");
  EXPECT_EQ(npu.product, "RBLN-CA22");
  EXPECT_EQ(npu.serial, "0000000000000101");
  EXPECT_EQ(npu.bdf, "0000:0a:00.0");
  EXPECT_EQ(npu.numa_node, 0);
  EXPECT_EQ(npu.firmware_version, "3.0.0");
  EXPECT_EQ(npu.governor, "P14");
  EXPECT_EQ(npu.unhealthy, "");
  EXPECT_NEAR(npu.power_w.value(), 17.25, 1e-9);
  EXPECT_EQ(npu.temperatures_c.at("npu"), 31);
  EXPECT_DOUBLE_EQ(npu.utilization.value(), 0.125);
  EXPECT_EQ(npu.memory_total_bytes, 16877879296u);
  EXPECT_EQ(npu.memory_used_bytes, 0u);
  EXPECT_EQ(npu.pcie->width, 16);
  EXPECT_EQ(npu.pcie->speed_gts, 32);
  ASSERT_EQ(npu.processes.size(), 1u);
  EXPECT_EQ(npu.processes[0].pid, 4242);
  EXPECT_EQ(npu.processes[0].command, "VLLM::EngineCore");
  EXPECT_EQ(npu.processes[0].memory_bytes, 3758096384u);
  EXPECT_EQ(report->devices[1].unhealthy, "rbln-stat gives its status as \"error\"");
}

TEST(RblnStat, ReadsSdk1AndCountsACardOnce) {
  const auto report = parse_rbln_stat(corpus("sdk1.json"));
  ASSERT_TRUE(report.has_value()) << report.error().message;
  ASSERT_EQ(report->devices.size(), 2u);
  EXPECT_DOUBLE_EQ(report->devices[0].power_w.value(), 42.5);
  EXPECT_EQ(report->devices[1].power_w, std::nullopt);  // the same card
  EXPECT_EQ(report->devices[1].temperatures_c.at("npu"), 41.33);
  EXPECT_EQ(report->devices[0].memory_used_bytes, 1024ULL << 20);
  ASSERT_EQ(report->devices[1].processes.size(), 1u);
  EXPECT_EQ(report->devices[1].processes[0].command, "/usr/bin/python3 serve.py");
}

TEST(RblnStat, LeavesEmptyWhatHasNoSense) {
  const auto report = parse_rbln_stat(
      R"({"devices":[7,{"uuid":"u","card_power":"nanW","temperature":"hot","util":"250","memory":{"used":"-1","total":"9e99GB"},
          "pci":{"link_width":"99","numa_node":"-1"}},{"name":"nobody"}],"contexts":[{"npu":{"a":1},"pid":"1"},{"pid":"x"},3]})");
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->devices.size(), 1u);
  const DeviceSnapshot& npu = report->devices[0];
  EXPECT_EQ(npu.name, "u");
  EXPECT_EQ(npu.power_w, std::nullopt);
  EXPECT_TRUE(npu.temperatures_c.empty());
  EXPECT_EQ(npu.utilization, std::nullopt);
  EXPECT_EQ(npu.memory_used_bytes, std::nullopt);
  EXPECT_EQ(npu.memory_total_bytes, std::nullopt);
  EXPECT_EQ(npu.pcie, std::nullopt);
  EXPECT_EQ(npu.numa_node, std::nullopt);
}

TEST(RblnStat, RefusesWhatIsNotItsJson) {
  EXPECT_EQ(parse_rbln_stat("").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_rbln_stat("no devices found").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_rbln_stat("[]").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_rbln_stat("{\"devices\":{}}").error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_rbln_stat(std::string(1000, '[')).error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_rbln_stat(std::string(RblnReport::kMaxBytes + 1, ' ')).error().code, Code::kPayloadTooLarge);
}

}  // namespace
}  // namespace ondol
