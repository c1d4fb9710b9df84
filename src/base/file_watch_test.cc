#include "base/file_watch.h"

#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(FileWatch, SeesEachKindOfChangeOnce) {
  const TestFolder folder;
  ManualClock clock;
  folder.write("a", "one");
  FileWatch watch({folder.path("a"), folder.path("b")}, clock);
  const auto changed_after_a_second = [&] {
    clock.advance_us(1'000'000);
    return watch.changed();
  };
  EXPECT_FALSE(changed_after_a_second());
  folder.write("a", "longer");
  EXPECT_TRUE(changed_after_a_second()) << "rewritten";
  EXPECT_FALSE(changed_after_a_second());
  folder.write("b", "one");
  EXPECT_TRUE(changed_after_a_second()) << "came";
  std::filesystem::last_write_time(folder.path("b"), std::filesystem::file_time_type() + std::chrono::hours(1));
  EXPECT_TRUE(changed_after_a_second()) << "another time, the same size";
  folder.write("c", "one");
  std::filesystem::last_write_time(folder.path("c"), std::filesystem::last_write_time(folder.path("b")));
  std::filesystem::rename(folder.path("c"), folder.path("b"));
  EXPECT_TRUE(changed_after_a_second()) << "replaced by a file of the same time and size";
  std::filesystem::remove(folder.path("a"));
  EXPECT_TRUE(changed_after_a_second()) << "went";
  EXPECT_FALSE(changed_after_a_second());
}

TEST(FileWatch, LooksOnceASecondAtMost) {
  const TestFolder folder;
  ManualClock clock;
  folder.write("a", "one");
  FileWatch watch({folder.path("a")}, clock);
  folder.write("a", "longer");
  EXPECT_FALSE(watch.changed());
  clock.advance_us(999'999);
  EXPECT_FALSE(watch.changed());
  clock.advance_us(1);
  EXPECT_TRUE(watch.changed());
}

}  // namespace
}  // namespace ondol
