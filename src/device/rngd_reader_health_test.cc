// Cards that are ill, gone, or not who they were.
#include "device/rngd_reader_test_util.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

namespace ondol {
namespace {
namespace fs = std::filesystem;

TEST_F(RngdReaderTest, GarbageIsAReasonAndLeavesTheOthersAlone) {
  make(3);
  expect_healthy(read());
  ASSERT_TRUE(tree_->garble(1));
  const auto devices = read();
  ASSERT_EQ(devices.size(), 3u);
  expect_healthy(devices, RngdTree::uuid(1));
  const DeviceSnapshot& bad = devices[1];
  EXPECT_EQ(bad.id, RngdTree::uuid(1));
  EXPECT_EQ(bad.power_w, std::nullopt);
  EXPECT_EQ(bad.cores.at(0).cycles, std::nullopt);
  EXPECT_NE(bad.unhealthy.find("throttle_reason: \"0xZZ\" is not a hexadecimal number"), std::string::npos) << bad.unhealthy;
  EXPECT_NE(bad.unhealthy.find("more"), std::string::npos) << bad.unhealthy;
  ASSERT_TRUE(tree_->update(1, {}));
  expect_healthy(read());
}

TEST_F(RngdReaderTest, EveryFileMayBeGarbageOrMissing) {
  make(1);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path("tree/sys/devices/pci0000:3a/0000:3a:01.0/0000:3b:00.0"))) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  ASSERT_GT(files.size(), 40u);
  for (const fs::path& file : files) {
    const std::string name = fs::relative(file, folder_.path()).string();
    const std::string good = folder_.read(name);
    for (const std::string& bad : {std::string("\x00\xff\n", 3), std::string(100'000, '9'), std::string()}) {
      folder_.write(name, bad);
      ASSERT_EQ(read().size(), 1u) << name;
    }
    drop(name);
    ASSERT_EQ(read().size(), 1u) << name;
    folder_.write(name, good);
  }
  (void)read();
  EXPECT_EQ(read().at(0).unhealthy, "");
}

TEST_F(RngdReaderTest, AVanishedCardIsToldOfOnce) {
  make(2);
  (void)read();
  ASSERT_TRUE(tree_->remove(0));
  const auto devices = read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "npu1");
  EXPECT_EQ(devices[0].unhealthy, "");
  EXPECT_EQ(devices[1].id, RngdTree::uuid(0));
  EXPECT_EQ(devices[1].unhealthy, "vanished: it was npu0 at 0000:3b:00.0 until the previous reading");
  EXPECT_EQ(devices[1].power_w, std::nullopt);
  EXPECT_EQ(read().size(), 1u);
  ASSERT_TRUE(tree_->restore(0));
  expect_healthy(read());
}

TEST_F(RngdReaderTest, ARenumberedCardKeepsItsIdAndSaysSo) {
  make(2);
  (void)read();
  // The driver was loaded again, and found the cards in the other order.
  const std::string links = folder_.path("tree/sys/class/rngd_mgmt/");
  for (const char* what : {"mgmt", "pe0"}) {
    const std::string first = links + "rngd!npu0" + what, second = links + "rngd!npu1" + what;
    fs::rename(first, links + "other");
    fs::rename(second, first);
    fs::rename(links + "other", second);
  }
  auto devices = read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "npu0");
  EXPECT_EQ(devices[0].id, RngdTree::uuid(1));
  EXPECT_NE(devices[0].unhealthy.find("renumbered: it was npu1"), std::string::npos) << devices[0].unhealthy;
  EXPECT_NE(devices[1].unhealthy.find("renumbered: it was npu0"), std::string::npos) << devices[1].unhealthy;
  expect_healthy(read());
}

TEST_F(RngdReaderTest, ACardKeepsItsIdWhileItsIdentityIsGarbage) {
  make(2);
  (void)read();
  folder_.write(attribute("device_uuid"), "\xff\xff");
  folder_.write(attribute("busname"), "somewhere");
  auto devices = read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].id, RngdTree::uuid(0));
  EXPECT_NE(devices[0].unhealthy.find("device_uuid"), std::string::npos) << devices[0].unhealthy;
  expect_healthy(devices, RngdTree::uuid(0));
  devices = read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_NE(devices[0].unhealthy.find("busname: \"somewhere\" is not a PCI address"), std::string::npos) << devices[0].unhealthy;
}

TEST_F(RngdReaderTest, WithoutAUuidTheSerialThenTheAddressIsTheId) {
  make(1);
  drop(attribute("device_uuid"));
  EXPECT_EQ(read().at(0).id, "TWIN000000");
  RngdReader fresh({folder_.path("tree"), true}, clock_);
  drop(attribute("device_sn"));
  EXPECT_EQ(fresh.read().at(0).id, "0000:3b:00.0");
}

TEST_F(RngdReaderTest, TwoCardsThatClaimOneUuidAreToldApart) {
  make(2);
  folder_.write(attribute("device_uuid", 1), RngdTree::uuid(0));
  const auto devices = read();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].id, "TWIN000000");
  EXPECT_EQ(devices[1].id, "TWIN000001");
  EXPECT_NE(devices[1].unhealthy.find("another card says that it is"), std::string::npos) << devices[1].unhealthy;
}

TEST_F(RngdReaderTest, AliveDecidesAndDeviceStateDoesNot) {
  make(1);
  for (const char* state : {"0", "1"}) {
    folder_.write(attribute("device_state"), state);
    EXPECT_EQ(read().at(0).unhealthy, "") << state;
  }
  folder_.write(attribute("device_state"), "3");
  EXPECT_EQ(read().at(0).unhealthy, "device_state is \"3\"");
  folder_.write(attribute("device_state"), "0");
  folder_.write(attribute("alive"), "0");
  EXPECT_EQ(read().at(0).unhealthy, "the driver says that it is not alive");
  folder_.write(attribute("alive"), "perhaps");
  EXPECT_EQ(read().at(0).unhealthy, "alive: \"perhaps\" is neither 0 nor 1");
}

TEST_F(RngdReaderTest, AHeartbeatThatMovedAndStoppedIsAHang) {
  make(1);
  const auto beat = [&](uint64_t count) {
    RngdState state;
    state.heartbeat = count;
    ASSERT_TRUE(tree_->update(0, state));
  };
  (void)read();
  clock_.advance_us(10 * RngdReader::kHeartbeatLimitUs);
  EXPECT_EQ(read().at(0).unhealthy, "") << "one that never moved says nothing";
  beat(1);
  EXPECT_EQ(read().at(0).unhealthy, "");
  clock_.advance_us(RngdReader::kHeartbeatLimitUs - 1);
  EXPECT_EQ(read().at(0).unhealthy, "");
  clock_.advance_us(1);
  EXPECT_EQ(read().at(0).unhealthy, "its heartbeat has stood still for 30 s: the card may hang");
  beat(2);
  EXPECT_EQ(read().at(0).unhealthy, "");
}

}  // namespace
}  // namespace ondol
