#include "app/cmd_device.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/test_folder_test_util.h"
#include "device/rngd_tree.h"

namespace ondol {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

class DeviceCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tree = RngdTree::create(folder_.path("tree"), 2);
    ASSERT_TRUE(tree) << tree.error().message;
    tree_.emplace(std::move(*tree));
    ::setenv("XDG_STATE_HOME", folder_.path("state").c_str(), 1);
  }
  void TearDown() override { ::unsetenv("XDG_STATE_HOME"); }

  Outcome run(std::vector<std::string> arguments, bool with_root = true) {
    arguments.insert(arguments.begin(), {"ondol", "device"});
    if (with_root) arguments.insert(arguments.end(), {"--sysroot", folder_.path("tree")});
    std::vector<const char*> pointers;
    for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_cli(static_cast<int>(pointers.size()), pointers.data());
    return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
  }

  TestFolder folder_;
  std::optional<RngdTree> tree_;
};

TEST_F(DeviceCommandTest, ListsATableAndJson) {
  ASSERT_TRUE(tree_->garble(1));
  const Outcome table = run({"list"});
  EXPECT_EQ(table.code, kExitOk) << "a bad device is no error: " << table.err;
  EXPECT_NE(table.out.find("npu0    RNGD"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("47.5 GiB"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("unhealthy: "), std::string::npos) << table.out;
  EXPECT_NE(table.err.find("read from: sysfs at"), std::string::npos) << table.err;
  const Outcome json = run({"list", "--json"});
  ASSERT_EQ(json.code, kExitOk) << json.err;
  const boost::json::value value = boost::json::parse(json.out);
  EXPECT_EQ(value.at("devices").at(0).at("id").as_string(), RngdTree::uuid(0));
  EXPECT_EQ(value.at("devices").at(0).at("healthy"), true);
  EXPECT_EQ(value.at("devices").at(1).at("healthy"), false);
  EXPECT_EQ(value.at("devices").at(0).at("cores").as_array().size(), 8u);
}

TEST_F(DeviceCommandTest, TopTellsUtilisationAfterOneInterval) {
  RngdState state;
  state.throttle_bits = 2;
  ASSERT_TRUE(tree_->update(1, state));
  const Outcome top = run({"top", "--once", "--interval", "0.05"});
  ASSERT_EQ(top.code, kExitOk) << top.err;
  EXPECT_NE(top.out.find("38.4 W / 180 W"), std::string::npos) << top.out;
  EXPECT_NE(top.out.find("0 of 8"), std::string::npos) << top.out;
  EXPECT_NE(top.out.find("thermal"), std::string::npos) << top.out;
  const boost::json::value json = boost::json::parse(run({"top", "--json", "--interval", "0.05"}).out);
  EXPECT_EQ(json.at("devices").at(0).at("utilization").to_number<double>(), 0);
}

TEST_F(DeviceCommandTest, WatchWritesALineForEachDeviceAndInterval) {
  const auto npu_lines = [](const Outcome& outcome) {
    std::vector<boost::json::value> lines;
    std::istringstream text(outcome.out);
    for (std::string line; std::getline(text, line);) {
      boost::json::value value = boost::json::parse(line);
      if (value.at("kind") == "rngd") lines.push_back(std::move(value));
    }
    return lines;
  };
  const Outcome all = run({"watch", "--count", "3", "--interval", "0.05"});
  ASSERT_EQ(all.code, kExitOk) << all.err;
  ASSERT_EQ(npu_lines(all).size(), 6u);
  EXPECT_EQ(npu_lines(all)[5].at("name"), "npu1");
  EXPECT_TRUE(npu_lines(all)[0].at("time").as_string().ends_with("Z"));
  // Utilisation comes with the second reading; after it nothing changes.
  EXPECT_EQ(npu_lines(run({"watch", "--changes", "--count", "4", "--interval", "0.05"})).size(), 4u);
}

TEST_F(DeviceCommandTest, SetsAndPutsBack) {
  const Outcome set = run({"set", "--device", "npu1", "--power-limit", "150", "--governor", "powersave"});
  ASSERT_EQ(set.code, kExitOk) << set.err;
  EXPECT_NE(set.out.find("power_limit_mw is 150000, it was 180000"), std::string::npos) << set.out;
  EXPECT_NE(set.out.find("npu_governor is powersave, it was performance"), std::string::npos) << set.out;
  EXPECT_EQ(tree_->controls(1)->power_limit_w, 150);
  EXPECT_EQ(tree_->controls(0)->power_limit_w, 180);
  const Outcome back = run({"set", "--restore", "--json"});
  ASSERT_EQ(back.code, kExitOk) << back.err;
  EXPECT_EQ(boost::json::parse(back.out).as_array().size(), 2u);
  EXPECT_EQ(tree_->controls(1)->power_limit_w, 180);
  EXPECT_EQ(tree_->controls(1)->governor, "performance");
  EXPECT_NE(run({"set", "--restore"}).out.find("nothing to put back"), std::string::npos);
}

TEST_F(DeviceCommandTest, SaysWhatIsWrong) {
  const Outcome unknown = run({"set", "--device", "npu9", "--power-limit", "150"});
  EXPECT_EQ(unknown.code, kExitFailed);
  EXPECT_NE(unknown.err.find("ondol device list"), std::string::npos) << unknown.err;
  EXPECT_EQ(run({"set", "--device", "npu0"}).code, kExitUsage);
  EXPECT_EQ(run({"set", "--power-limit", "150"}).code, kExitUsage);
  EXPECT_EQ(run({"set", "--device", "npu0", "--power-limit", "-1"}).code, kExitUsage);
  EXPECT_EQ(run({"set", "--device", "npu0", "--governor", "turbo"}).code, kExitUsage);
  EXPECT_EQ(run({"set", "--restore", "--governor", "powersave"}).code, kExitUsage);
  EXPECT_EQ(run({"watch", "--interval", "0"}).code, kExitUsage);
  const Outcome no_root = run({"list", "--sysroot", "/no/such/folder"}, false);
  EXPECT_EQ(no_root.code, kExitFailed);
  EXPECT_NE(no_root.err.find("--sysroot"), std::string::npos) << no_root.err;
}

}  // namespace
}  // namespace ondol
