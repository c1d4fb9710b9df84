#include "device/device_set.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/test_folder_test_util.h"
#include "device/device_floor.h"
#include "device/rngd_tree.h"

namespace ondol {
namespace {
namespace fs = std::filesystem;

class DeviceSetTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto tree = RngdTree::create(folder_.path("tree"), 2);
    ASSERT_TRUE(tree) << tree.error().message;
    options_ = {folder_.path("tree"), false};
    devices_ = make_rngd_reader(options_)->read();
    ASSERT_EQ(devices_.size(), 2u);
  }
  Result<std::vector<DeviceChange>> set(const DeviceSettings& settings, size_t device = 0) {
    return set_device(options_, devices_[device], settings, state_);
  }
  Result<RestoredDevices> restore(std::string_view only = "") { return restore_devices(options_, devices_, only, state_); }

  TestFolder folder_;
  const std::string state_ = folder_.path("state/ondol/device-settings.json");
  const std::string limit_ = "tree/sys/kernel/debug/rngd/mgmt0/power_limit_mw";
  const std::string governor_ = "tree/sys/class/rngd_mgmt/rngd!npu0mgmt/npu_governor";
  DeviceReaderOptions options_;
  std::vector<DeviceSnapshot> devices_;
};

TEST_F(DeviceSetTest, WritesSaysAndPutsBack) {
  const auto changes = set({150.0, "powersave"});
  ASSERT_TRUE(changes) << changes.error().message;
  ASSERT_EQ(changes->size(), 2u);
  EXPECT_EQ(changes->at(0).before, "180000");
  EXPECT_EQ(changes->at(0).after, "150000");
  EXPECT_EQ(changes->at(1).before, "performance");
  EXPECT_EQ(folder_.read(limit_), "150000\n");
  EXPECT_EQ(folder_.read(governor_), "powersave\n");
  ASSERT_TRUE(set({120.0, {}})) << "what was first is remembered, not what was last";

  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->changes.size(), 2u);
  EXPECT_TRUE(restored->problems.empty());
  EXPECT_EQ(folder_.read(limit_), "180000\n");
  EXPECT_EQ(folder_.read(governor_), "performance\n");
  EXPECT_TRUE(restore()->changes.empty());
}

TEST_F(DeviceSetTest, PutsBackOneDeviceOfSeveral) {
  ASSERT_TRUE(set({100.0, {}}, 0));
  ASSERT_TRUE(set({110.0, {}}, 1));
  ASSERT_EQ(restore("npu1")->changes.size(), 1u);
  EXPECT_EQ(folder_.read(limit_), "100000\n");
  EXPECT_EQ(restore(devices_[0].id)->changes.size(), 1u);
  EXPECT_EQ(folder_.read(limit_), "180000\n");
}

TEST_F(DeviceSetTest, ADeviceThatIsAwayStaysRemembered) {
  ASSERT_TRUE(set({100.0, {}}));
  devices_.erase(devices_.begin());
  const auto away = restore();
  ASSERT_TRUE(away);
  ASSERT_EQ(away->problems.size(), 1u);
  EXPECT_NE(away->problems[0].find("is not here"), std::string::npos) << away->problems[0];
  devices_ = make_rngd_reader(options_)->read();
  EXPECT_EQ(restore()->changes.size(), 1u);
}

TEST_F(DeviceSetTest, AnotherRootIsNotTouched) {
  ASSERT_TRUE(set({100.0, {}}));
  options_.sysroot = "/";
  EXPECT_TRUE(restore()->changes.empty());
  options_.sysroot = folder_.path("tree") + "/";
  EXPECT_EQ(restore()->changes.size(), 1u) << "the same root, written with a slash";
}

TEST_F(DeviceSetTest, SaysWhyItCannot) {
  EXPECT_EQ(set({}).error().code, Code::kInvalidArgument);
  for (const double wrong : {0.0, -5.0, 1e9, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(set({wrong, {}}).error().code, Code::kInvalidArgument) << wrong;
  }
  EXPECT_EQ(set({{}, "turbo"}).error().code, Code::kInvalidArgument);
  devices_[1].kind = DeviceKind::kCpu;
  EXPECT_EQ(set({100.0, {}}, 1).error().code, Code::kUnimplemented);
  fs::remove(folder_.path(limit_));
  const auto no_debugfs = set({100.0, {}});
  ASSERT_FALSE(no_debugfs);
  EXPECT_EQ(no_debugfs.error().code, Code::kUnimplemented);
  EXPECT_NE(no_debugfs.error().message.find("debugfs is not mounted"), std::string::npos) << no_debugfs.error().message;
  EXPECT_TRUE(restore()->changes.empty()) << "what was not changed is not remembered";
}

TEST_F(DeviceSetTest, WithoutAPlaceToRememberNothingIsChanged) {
  folder_.write("state", "a file where the folder should be");
  const auto result = set({100.0, {}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("nothing was changed"), std::string::npos) << result.error().message;
  EXPECT_EQ(folder_.read(limit_), "180000\n");
}

TEST_F(DeviceSetTest, ADamagedStateFileIsNamedAndKept) {
  folder_.write("state/ondol/device-settings.json", "{\"version\":1,\"settings\":[{}]}");
  const auto result = set({100.0, {}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("device-settings.json"), std::string::npos) << result.error().message;
  EXPECT_EQ(folder_.read(limit_), "180000\n");
  EXPECT_NE(folder_.read("state/ondol/device-settings.json"), "");
}

TEST(RememberedSettings, AreReadAsTheyWereWritten) {
  const std::vector<RememberedSetting> settings = {{"/tmp/x", "uuid", "power_limit_mw", "180000"},
                                                   {"", "b", "npu_governor", "performance"}};
  const auto again = parse_remembered(format_remembered(settings));
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 2u);
  EXPECT_EQ(again->at(0).sysroot, "/tmp/x");
  EXPECT_EQ(again->at(1).before, "performance");
  for (const char* wrong : {"", "[]", "{}", "{\"version\":2,\"settings\":[]}", "{\"version\":1,\"settings\":{}}",
                            "{\"version\":1,\"settings\":[1]}", "{\"version\":1,\"settings\":[{\"sysroot\":1}]}"}) {
    EXPECT_FALSE(parse_remembered(wrong)) << wrong;
  }
  EXPECT_FALSE(parse_remembered(std::string(100'000, '[')));
}

TEST(DeviceStatePath, FollowsXdg) {
  EXPECT_EQ(device_state_path("/x", "/h"), "/x/ondol/device-settings.json");
  EXPECT_EQ(device_state_path("", "/h"), "/h/.local/state/ondol/device-settings.json");
}

}  // namespace
}  // namespace ondol
