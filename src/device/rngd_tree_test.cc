#include "device/rngd_tree.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(RngdTree, ReplacesItsOwnTreeAndNothingElse) {
  const TestFolder folder;
  ASSERT_TRUE(RngdTree::create(folder.path("tree"), 2));
  EXPECT_TRUE(folder.has("tree/sys/class/rngd_mgmt/rngd!npu1mgmt/device_uuid"));
  const auto smaller = RngdTree::create(folder.path("tree"), 1);
  ASSERT_TRUE(smaller) << smaller.error().message;
  EXPECT_FALSE(folder.has("tree/sys/class/rngd_mgmt/rngd!npu1mgmt"));
  folder.write("mine/letter.txt", "dear");
  EXPECT_EQ(RngdTree::create(folder.path("mine"), 1).error().code, Code::kAlreadyExists);
  EXPECT_EQ(folder.read("mine/letter.txt"), "dear");
  EXPECT_EQ(RngdTree::create("/", 1).error().code, Code::kInvalidArgument);
  for (const int wrong : {0, -1, RngdTree::kMaxCards + 1}) EXPECT_FALSE(RngdTree::create(folder.path("other"), wrong)) << wrong;
}

TEST(RngdTree, HasTheNodesOfEachCard) {
  const TestFolder folder;
  const auto tree = RngdTree::create(folder.path("tree"), 2);
  ASSERT_TRUE(tree) << tree.error().message;
  int nodes = 0;
  for (const auto& node : std::filesystem::directory_iterator(folder.path("tree/dev/rngd"))) {
    EXPECT_EQ(node.is_character_file(), tree->has_device_nodes()) << node.path();
    ++nodes;
  }
  EXPECT_EQ(nodes, 2 * 35);
}

TEST(RngdTree, WritesOnlyWhatChanges) {
  const TestFolder folder;
  auto tree = RngdTree::create(folder.path(), 1);
  ASSERT_TRUE(tree) << tree.error().message;
  const std::string management = folder.path("sys/class/rngd_mgmt/rngd!npu0mgmt/");
  RngdState state;
  state.power_w = 151.25;
  const auto governor_time = std::filesystem::last_write_time(management + "npu_governor");
  ASSERT_TRUE(tree->update(0, state));
  EXPECT_EQ(folder.read("sys/bus/pci/devices/0000:3b:00.0/hwmon/hwmon0/power1_average"), "151250000\n");
  EXPECT_EQ(std::filesystem::last_write_time(management + "npu_governor"), governor_time);
  EXPECT_EQ(tree->update(1, state).error().code, Code::kNotFound);
}

TEST(RngdTree, TellsWhatWasAskedOfACard) {
  const TestFolder folder;
  auto tree = RngdTree::create(folder.path(), 1);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->controls(0)->power_limit_w, 180);
  EXPECT_EQ(tree->controls(0)->governor, "performance");
  folder.write("sys/kernel/debug/rngd/mgmt0/power_limit_mw", "150000\n");
  folder.write("sys/class/rngd_mgmt/rngd!npu0mgmt/npu_governor", "powersave\n");
  ASSERT_TRUE(tree->update(0, {}));
  EXPECT_EQ(tree->controls(0)->power_limit_w, 150);
  EXPECT_EQ(tree->controls(0)->governor, "powersave") << "an update with the same governor leaves what was asked";
}

TEST(RngdTree, RemovesAndRestoresACard) {
  const TestFolder folder;
  auto tree = RngdTree::create(folder.path(), 2);
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_TRUE(tree->remove(1));
  EXPECT_FALSE(folder.has("sys/class/rngd_mgmt/rngd!npu1pe0"));
  EXPECT_FALSE(folder.has("dev/rngd/npu1mgmt"));
  EXPECT_TRUE(folder.has("dev/rngd/npu0mgmt"));
  EXPECT_EQ(tree->update(1, {}).error().code, Code::kNotFound);
  ASSERT_TRUE(tree->restore(1));
  EXPECT_TRUE(tree->update(1, {}));
  EXPECT_FALSE(tree->restore(2));
}

}  // namespace
}  // namespace ondol
