#include "device/rngd_reader_test_util.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

namespace ondol {
namespace {
namespace fs = std::filesystem;

TEST_F(RngdReaderTest, FindsNothingWhereThereIsNothing) {
  EXPECT_TRUE(read().empty());
  EXPECT_NE(reader_.source().find("driver is not loaded"), std::string::npos) << reader_.source();
  make(1);
  EXPECT_EQ(read().size(), 1u) << "a card that comes is seen";
  EXPECT_EQ(reader_.source(), "sysfs at " + folder_.path("tree") + "/sys");
}

TEST_F(RngdReaderTest, TellsWhoACardIs) {
  make(2);
  const auto devices = read();
  ASSERT_EQ(devices.size(), 2u);
  const DeviceSnapshot& card = devices[1];
  EXPECT_EQ(card.unhealthy, "");
  EXPECT_EQ(card.kind, DeviceKind::kRngd);
  EXPECT_EQ(card.id, RngdTree::uuid(1));
  EXPECT_EQ(card.uuid, RngdTree::uuid(1));
  EXPECT_EQ(card.serial, "TWIN000001");
  EXPECT_EQ(card.bdf, "0000:4b:00.0");
  EXPECT_EQ(card.name, "npu1");
  EXPECT_EQ(card.product, "RNGD");
  EXPECT_EQ(card.driver_version, "2026.3.0+1b2c3d4");
  EXPECT_EQ(card.firmware_version, "2026.3.0+5a2b9c1");
  EXPECT_EQ(card.numa_node, 0);
  EXPECT_EQ(card.sriov_total_vfs, 8);
  EXPECT_EQ(card.sriov_enabled_vfs, 0);
  ASSERT_TRUE(card.pcie);
  EXPECT_EQ(card.pcie->width, 16);
  EXPECT_EQ(card.pcie->max_speed_gts, 32);
  EXPECT_EQ(card.nodes.size(), 35u);
  EXPECT_EQ(card.details.at("p2p_nodes"), "yes");
  EXPECT_EQ(card.details.at("platform_type"), "FuriosaAI");
}

TEST_F(RngdReaderTest, TellsPartsWidestFirst) {
  make(1);
  const auto devices = read();
  ASSERT_EQ(devices.size(), 1u);
  const auto& parts = devices[0].parts;
  ASSERT_EQ(parts.size(), 14u);
  EXPECT_EQ(parts[0].name, "pe0-3");
  EXPECT_EQ(parts[1].first_core, 4);
  EXPECT_EQ(parts[1].last_core, 7);
  EXPECT_EQ(parts[2].name, "pe0-1");
  EXPECT_EQ(parts[13].name, "pe7");
  EXPECT_EQ(parts[0].path, folder_.path("tree/dev/rngd/npu0pe0-3"));
  EXPECT_EQ(parts[0].memory_total_bytes, 4 * RngdTree::kPeMemoryBytes);
}

TEST_F(RngdReaderTest, TellsHowACardDoes) {
  make(1);
  RngdState state;
  state.power_w = 151.25;
  state.power_limit_w = 150;
  state.peak_c = 71.5;
  state.throttle_bits = 0x42;
  state.governor = "powersave";
  state.clock_mhz = 1750;
  state.pes[3] = {true, 1000, 500, 1 << 20};
  ASSERT_TRUE(tree_->update(0, state));
  const DeviceSnapshot card = read().at(0);
  EXPECT_EQ(card.unhealthy, "");
  EXPECT_DOUBLE_EQ(card.power_w.value(), 151.25);
  EXPECT_DOUBLE_EQ(card.power_limit_w.value(), 150);
  EXPECT_DOUBLE_EQ(card.temperatures_c.at("peak"), 71.5);
  EXPECT_DOUBLE_EQ(card.temperatures_c.at("ambient"), 31);
  EXPECT_EQ(card.throttle_reasons, (std::vector<std::string>{"thermal", "hardware power cap"}));
  EXPECT_EQ(card.governor, "powersave");
  EXPECT_EQ(card.clock_mhz, 1750);
  ASSERT_EQ(card.cores.size(), 8u);
  EXPECT_EQ(card.cores[3].occupied, true);
  EXPECT_EQ(card.cores[2].occupied, false);
  EXPECT_EQ(card.cores[3].tensor_clock_mhz, 875);
  EXPECT_EQ(card.cores[3].memory_used_bytes, 1u << 20);
  EXPECT_EQ(card.cores[3].cycles, 1000u);
  EXPECT_EQ(card.cores[3].utilization, std::nullopt) << "not before there are two readings";
  EXPECT_EQ(card.memory_total_bytes, 8 * RngdTree::kPeMemoryBytes);
  EXPECT_EQ(card.memory_used_bytes, 1u << 20);
}

TEST_F(RngdReaderTest, UtilisationIsBusyCyclesOverCyclesSinceThePreviousReading) {
  make(1);
  RngdState state;
  for (auto& pe : state.pes) pe = {true, 1'000'000, 900'000, 0};
  ASSERT_TRUE(tree_->update(0, state));
  EXPECT_EQ(read().at(0).utilization, std::nullopt);
  for (size_t i = 0; i < 8; ++i) state.pes[i] = {true, 2'000'000, 900'000 + (i < 4 ? 500'000u : 0u), 0};
  ASSERT_TRUE(tree_->update(0, state));
  DeviceSnapshot card = read().at(0);
  EXPECT_DOUBLE_EQ(card.cores[0].utilization.value(), 0.5);
  EXPECT_DOUBLE_EQ(card.cores[7].utilization.value(), 0);
  EXPECT_DOUBLE_EQ(card.utilization.value(), 0.25);

  for (auto& pe : state.pes) pe = {true, 1000, 500, 0};
  ASSERT_TRUE(tree_->update(0, state));
  EXPECT_EQ(read().at(0).utilization, std::nullopt) << "the counters began anew";
  EXPECT_EQ(read().at(0).utilization, std::nullopt) << "occupied, and the counters stand still: not known";
  state.pes[5].occupied = false;
  ASSERT_TRUE(tree_->update(0, state));
  const DeviceSnapshot partly = read().at(0);
  EXPECT_EQ(partly.cores[5].utilization, 0);
  EXPECT_EQ(partly.utilization, std::nullopt) << "the idle one does not speak for the others";
  for (auto& pe : state.pes) pe.occupied = false;
  ASSERT_TRUE(tree_->update(0, state));
  EXPECT_EQ(read().at(0).utilization, 0);
}

TEST_F(RngdReaderTest, TakesTheOlderSpellingOfTheManagementNode) {
  make(1);
  const std::string links = folder_.path("tree/sys/class/rngd_mgmt/");
  fs::rename(links + "rngd!npu0mgmt", links + "rngd!npu0_mgmt");
  EXPECT_EQ(read().at(0).unhealthy, "");
  EXPECT_EQ(read().at(0).id, RngdTree::uuid(0));
}

TEST_F(RngdReaderTest, ACardWithoutADriverIsListedByItsAddress) {
  make(2);
  fs::remove(folder_.path("tree/sys/bus/pci/devices/0000:3b:00.0/driver"));
  EXPECT_NE(read().at(0).unhealthy.find("no driver is bound"), std::string::npos);
  for (const auto& entry : fs::directory_iterator(folder_.path("tree/sys/class/rngd_mgmt"))) {
    if (entry.path().filename().string().starts_with("rngd!npu0")) fs::remove(entry.path());
  }
  for (const auto& entry : fs::directory_iterator(folder_.path("tree/dev/rngd"))) {
    if (entry.path().filename().string().starts_with("npu0")) fs::remove(entry.path());
  }
  RngdReader fresh({folder_.path("tree"), true}, clock_);
  const auto devices = fresh.read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "npu1");
  EXPECT_EQ(devices[1].id, "0000:3b:00.0");
  EXPECT_NE(devices[1].unhealthy.find("no management entry"), std::string::npos) << devices[1].unhealthy;
}

TEST_F(RngdReaderTest, SaysWhenThereAreNoDeviceNodes) {
  make(1);
  fs::remove_all(folder_.path("tree/dev/rngd"));
  const DeviceSnapshot card = read().at(0);
  EXPECT_NE(card.unhealthy.find("no device node in /dev/rngd"), std::string::npos) << card.unhealthy;
  EXPECT_TRUE(card.power_w) << "it is read all the same";
}

TEST_F(RngdReaderTest, AsksDebugfsWhereThereIsNoHwmon) {
  make(1);
  fs::remove_all(folder_.path("tree/sys/bus/pci/devices/0000:3b:00.0/hwmon"));
  folder_.write("tree/sys/kernel/debug/rngd/mgmt0/sensor_readings", "1: SoC 40.98\n2: HBM0 38\nnonsense\n4: power 55.5\n");
  const DeviceSnapshot card = read().at(0);
  EXPECT_EQ(card.temperatures_c, (std::map<std::string, double>{{"soc", 40.98}, {"hbm0", 38}}));
  EXPECT_EQ(card.power_w, 55.5);
}

TEST_F(RngdReaderTest, FollowsHwmonToItsNewNumber) {
  make(1);
  (void)read();
  const std::string sensors = folder_.path("tree/sys/bus/pci/devices/0000:3b:00.0/hwmon/");
  fs::rename(sensors + "hwmon0", sensors + "hwmon7");
  (void)read();
  EXPECT_DOUBLE_EQ(read().at(0).power_w.value_or(0), 38.4);
}

TEST_F(RngdReaderTest, MemoryOfAPeIsItsOwnAndItsShareOfTheSharedDram) {
  make(1);
  folder_.write("tree/sys/class/rngd_mgmt/rngd!npu0pe2/alloc_status",
                "dram_capacity: 0x1000\ndram_usage: 0x10\nshared_capacity: 0x200\nshared_usage: 0x2\n");
  const DeviceSnapshot card = read().at(0);
  EXPECT_EQ(card.cores.at(2).memory_total_bytes, 0x1200u);
  EXPECT_EQ(card.cores.at(2).memory_used_bytes, 0x12u);
}

}  // namespace
}  // namespace ondol
