#include "device/sys_file.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(SysFile, ReadsWithoutTheWhiteSpaceAtTheEnd) {
  const TestFolder folder;
  folder.write("a", " 2000\n2000 \n\n");
  EXPECT_EQ(read_sys_file(folder.path("a")).value(), " 2000\n2000");
  folder.write("empty", "\n");
  EXPECT_EQ(read_sys_file(folder.path("empty")).value(), "");
}

TEST(SysFile, SaysWhatIsWrong) {
  const TestFolder folder;
  folder.write("file", "x");
  EXPECT_EQ(read_sys_file(folder.path("none")).error().code, Code::kNotFound);
  EXPECT_EQ(read_sys_file(folder.path("file/below")).error().code, Code::kNotFound);
  EXPECT_EQ(read_sys_file(folder.path()).error().code, Code::kUnavailable) << "a folder";
}

TEST(SysFile, ReadsNoMoreThanAPage) {
  const TestFolder folder;
  folder.write("page", std::string(kMaxSysFile, 'x'));
  EXPECT_EQ(read_sys_file(folder.path("page")).value().size(), kMaxSysFile);
  folder.write_sparse("huge", uint64_t{1} << 40);
  EXPECT_EQ(read_sys_file(folder.path("huge")).error().code, Code::kOutOfRange);
}

TEST(SysFile, DoesNotWaitForAPipe) {
  const TestFolder folder;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_sys_file(folder.path("pipe")).value_or(""), "");
}

TEST(ListFolder, GivesNamesAndKindsUpToTheLimit) {
  const TestFolder folder;
  for (const char* name : {"a", "b", "c"}) folder.write(name, "");
  EXPECT_EQ(list_folder(folder.path(), 10).size(), 3u);
  EXPECT_EQ(list_folder(folder.path(), 2).size(), 2u);
  EXPECT_EQ(list_folder(folder.path(), 10)[0].type, DT_REG);
  EXPECT_TRUE(list_folder(folder.path("none"), 10).empty());
}

}  // namespace
}  // namespace ondol
