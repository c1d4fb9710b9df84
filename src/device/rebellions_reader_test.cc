#include "device/rebellions_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

class RebellionsReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.sysroot = tree_.path();
    add_card("0000:0a:00.0", "0x1220", "rbln0");
    add_card("0000:0b:00.0", "0x1220", "rbln1");
    tree_.write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
  }
  void add_card(const std::string& bdf, const std::string& id, const std::string& name) {
    const std::string folder = "sys/bus/pci/devices/" + bdf + "/";
    tree_.write(folder + "vendor", "0x1eff\n");
    tree_.write(folder + "device", id + "\n");
    tree_.write(folder + "numa_node", "1\n");
    tree_.write(folder + "current_link_width", "16\n");
    tree_.write(folder + "current_link_speed", "32.0 GT/s PCIe\n");
    tree_.write(folder + "sriov_totalvfs", "16\n");
    tree_.write(folder + "sriov_numvfs", "0\n");
    link("../../../bus/pci/drivers/rebellions", folder + "driver");
    tree_.write("sys/bus/pci/drivers/rebellions/" + bdf + "/pools", "name queue depth size n\n" + name + "               0    4 1024  1\n");
    tree_.write("dev/" + name, "");
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::remove(tree_.path(name));
    std::filesystem::create_symlink(target, tree_.path(name));
  }
  // A stand-in for rbln-stat. Every run leaves a mark.
  std::string tool(const std::string& does) const {
    tree_.write("tool", "#!/bin/sh\necho run >> " + tree_.path("runs") + "\n" + does + "\n");
    ::chmod(tree_.path("tool").c_str(), 0700);
    return tree_.path("tool");
  }
  std::string good_tool() const { return tool("cat " + std::string(ONDOL_SOURCE_DIR) + "/tests/fuzz/rbln_stat/sdk2.json"); }

  TestFolder tree_;
  DeviceReaderOptions options_;
  ManualClock clock_;
};

TEST_F(RebellionsReaderTest, ReadsTheBusWithoutTheTool) {
  RebellionsReader reader(options_, "", clock_);
  const auto devices = reader.read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].id, "0000:0a:00.0");
  EXPECT_EQ(devices[0].name, "rbln0");
  EXPECT_EQ(devices[0].product, "RBLN-CA22");
  EXPECT_EQ(devices[0].numa_node, 1);
  EXPECT_EQ(devices[0].nodes, (std::vector<std::string>{"/dev/rbln0"}));
  EXPECT_EQ(devices[0].pcie->width, 16);
  EXPECT_EQ(devices[0].pcie->speed_gts, 32);
  EXPECT_EQ(devices[0].sriov_total_vfs, 16);
  EXPECT_EQ(devices[0].power_w, std::nullopt);
  EXPECT_EQ(devices[0].unhealthy, "");
  EXPECT_NE(reader.source().find("no rbln-stat"), std::string::npos);
}

TEST_F(RebellionsReaderTest, AddsWhatTheToolSaysAndAsksItOnceASecond) {
  RebellionsReader reader(options_, good_tool(), clock_);
  auto devices = reader.read();
  EXPECT_EQ(devices.at(0).id, "7a1d3c52-0000-4000-8000-000000000001");
  EXPECT_NEAR(devices[0].power_w.value(), 17.25, 1e-9);
  EXPECT_EQ(devices[0].driver_version, "3.0.0");
  EXPECT_EQ(devices[0].numa_node, 1);  // the bus knows better
  EXPECT_EQ(devices[0].unhealthy, "");
  EXPECT_EQ(devices.at(1).unhealthy, "rbln-stat gives its status as \"error\"");
  clock_.advance_us(999'999);
  EXPECT_NEAR(reader.read().at(0).power_w.value(), 17.25, 1e-9);
  EXPECT_EQ(tree_.read("runs"), "run\n");
  clock_.advance_us(1);
  (void)reader.read();
  EXPECT_EQ(tree_.read("runs"), "run\nrun\n");
}

TEST_F(RebellionsReaderTest, AToolThatFailsMakesItsDevicesUnhealthy) {
  RebellionsReader reader(options_, tool("echo garbled"), clock_);
  for (const DeviceSnapshot& device : reader.read()) EXPECT_NE(device.unhealthy.find("not JSON"), std::string::npos) << device.unhealthy;
  EXPECT_NE(reader.source().find("not JSON"), std::string::npos);
  (void)tool("exit 5");
  clock_.advance_us(1'000'000);
  for (const DeviceSnapshot& device : reader.read()) EXPECT_NE(device.unhealthy.find("status 5"), std::string::npos) << device.unhealthy;
  (void)tool("echo '{\"devices\":[]}'");
  clock_.advance_us(1'000'000);
  for (const DeviceSnapshot& device : reader.read()) EXPECT_NE(device.unhealthy.find("does not list it"), std::string::npos);
}

TEST_F(RebellionsReaderTest, ADeviceKeepsItsIdWhileTheToolFails) {
  RebellionsReader reader(options_, good_tool(), clock_);
  const std::string id = reader.read().at(0).id;
  (void)tool("exit 1");
  clock_.advance_us(1'000'000);
  for (int i = 0; i < 2; ++i) {
    const auto devices = reader.read();
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_EQ(devices[0].id, id);
    EXPECT_EQ(devices[0].power_w, std::nullopt);
  }
}

TEST_F(RebellionsReaderTest, NoDeviceNoTool) {
  const TestFolder empty;
  RebellionsReader reader({.sysroot = empty.path()}, good_tool(), clock_);
  EXPECT_TRUE(reader.read().empty());
  EXPECT_FALSE(tree_.has("runs"));
}

TEST_F(RebellionsReaderTest, ATreeIsNeverRunFrom) {
  tree_.write("usr/bin/rbln-stat", "#!/bin/sh\necho run >> " + tree_.path("runs") + "\n");
  ::chmod(tree_.path("usr/bin/rbln-stat").c_str(), 0700);
  EXPECT_EQ(make_rebellions_reader(options_)->read().size(), 2u);
  EXPECT_FALSE(tree_.has("runs"));
}

TEST_F(RebellionsReaderTest, SaysWhatIsWrongOnTheBus) {
  link("../../../bus/pci/drivers/vfio-pci", "sys/bus/pci/devices/0000:0a:00.0/driver");
  std::filesystem::remove(tree_.path("dev/rbln1"));
  add_card("0000:0c:00.0", "0x1250", "rbln2");
  tree_.write("sys/bus/pci/drivers/rebellions/0000:0c:00.0/pools", "one line");
  add_card("0000:0d:00.0", "0x1221", "rbln3");
  link("../0000:0a:00.0", "sys/bus/pci/devices/0000:0d:00.0/physfn");
  const auto devices = RebellionsReader(options_, "", clock_).read();
  ASSERT_EQ(devices.size(), 3u);
  EXPECT_EQ(devices[0].unhealthy, "the driver \"vfio-pci\" has it, not rebellions");
  EXPECT_EQ(devices[1].unhealthy, "/dev/rbln1 is missing");
  EXPECT_NE(devices[2].unhealthy.find("pools"), std::string::npos);
}

TEST_F(RebellionsReaderTest, AVanishedCardIsToldOfOnce) {
  RebellionsReader reader(options_, "", clock_);
  (void)reader.read();
  std::filesystem::remove_all(tree_.path("sys/bus/pci/devices/0000:0a:00.0"));
  const auto devices = reader.read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[1].id, "0000:0a:00.0");
  EXPECT_NE(devices[1].unhealthy.find("vanished"), std::string::npos);
  EXPECT_EQ(reader.read().size(), 1u);
}

}  // namespace
}  // namespace ondol
