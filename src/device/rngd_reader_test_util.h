// A fabricated tree and a reader over it, on a clock of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/test_folder_test_util.h"
#include "device/rngd_reader.h"
#include "device/rngd_tree.h"

namespace ondol {

class RngdReaderTest : public testing::Test {
 protected:
  void make(int cards) {
    auto tree = RngdTree::create(folder_.path("tree"), cards);
    ASSERT_TRUE(tree) << tree.error().message;
    tree_.emplace(std::move(*tree));
  }
  std::vector<DeviceSnapshot> read() { return reader_.read(); }
  // Of the first card's management entry.
  static std::string attribute(const std::string& name, int card = 0) {
    return "tree/sys/class/rngd_mgmt/rngd!npu" + std::to_string(card) + "mgmt/" + name;
  }
  void drop(const std::string& name) { std::filesystem::remove(folder_.path(name)); }
  // Every card's unhealthy text is empty but for those in `bad`.
  static void expect_healthy(const std::vector<DeviceSnapshot>& devices, const std::string& except = "") {
    for (const DeviceSnapshot& device : devices) {
      if (device.id == except) continue;
      EXPECT_EQ(device.unhealthy, "") << device.name;
    }
  }

  TestFolder folder_;
  std::optional<RngdTree> tree_;
  ManualClock clock_;
  RngdReader reader_{{folder_.path("tree/"), true}, clock_};
};

}  // namespace ondol
