#include "device/sys_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(SysTree, ReadsTextsAndNumbersUnderItsRoot) {
  const TestFolder folder;
  folder.write("sys/a", "  42000\n");
  folder.write("sys/b", "-1\n");
  folder.write("sys/c", "12 W\n");
  folder.write("sys/d", "nan\n");
  const SysTree tree(folder.path() + "//");
  EXPECT_EQ(tree.text_or_empty("/sys/a"), "42000");
  EXPECT_EQ(tree.number("/sys/a"), 42000.0);
  EXPECT_EQ(tree.integer("/sys/b"), -1);
  EXPECT_EQ(tree.number("/sys/c"), std::nullopt);
  EXPECT_EQ(tree.number("/sys/d"), std::nullopt);
  EXPECT_EQ(tree.names("/sys"), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(tree.text("/sys/none").error().code, Code::kNotFound);
  EXPECT_TRUE(tree.names("/none").empty());
}

TEST(SysTree, DoesNotWaitForWhatIsNoFile) {
  const TestFolder folder;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  const SysTree tree(folder.path());
  EXPECT_EQ(tree.text_or_empty("/pipe"), "");
  EXPECT_FALSE(tree.text("/").has_value());
}

TEST(SysTree, ReadsNoMoreThanItsLimit) {
  const TestFolder folder;
  folder.write("big", std::string(SysTree::kMaxBytes + 100000, 'x'));
  EXPECT_LT(SysTree(folder.path()).text_or_empty("/big").size(), SysTree::kMaxBytes + 4096);
}

TEST(SysTree, MakesTextFromOutsidePlain) {
  EXPECT_EQ(SysTree::plain(" npu\x01\xff\n0 "), "npu0");
  EXPECT_EQ(SysTree::plain("abcdef", 3), "abc");
}

}  // namespace
}  // namespace ondol
