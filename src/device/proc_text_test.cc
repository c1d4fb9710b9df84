#include "device/proc_text.h"

#include <gtest/gtest.h>

#include <string>

namespace ondol {
namespace {

TEST(ProcText, ReadsTicks) {
  const auto stat = parse_proc_stat("cpu  100 10 20 600 50 1 2 3 40 0\ncpu0 60 0 0 300 0 0 0 0 0 0\ncpu2 1 2 3 4\nintr 7\ncpu9 bad\n");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->all.total, 786u);  // without guest time
  EXPECT_EQ(stat->all.busy, 136u);
  ASSERT_EQ(stat->cpus.size(), 2u);
  EXPECT_EQ(stat->cpus[1].first, 2);
  EXPECT_EQ(stat->cpus[1].second.total, 10u);
}

TEST(ProcText, RefusesTicksWithoutSense) {
  for (const char* text : {"", "intr 1\n", "cpu 1 2 3\n", "cpu 1 2 3 -4\n", "cpu0 1 2 3 4\n", "cpu 1 2 3 4\ncpux 1 2 3 4\n",
                           "cpu 1 2 3 4\ncpu99999 1 2 3 4\n", "cpu 9999999999999999999 2 3 4\n"}) {
    EXPECT_FALSE(parse_proc_stat(text).has_value()) << text;
  }
}

TEST(ProcText, SharesOfTime) {
  EXPECT_DOUBLE_EQ(busy_share({.busy = 10, .total = 100}, {.busy = 35, .total = 200}).value(), 0.25);
  EXPECT_EQ(busy_share({.busy = 10, .total = 100}, {.busy = 10, .total = 100}), std::nullopt);
  EXPECT_EQ(busy_share({.busy = 10, .total = 100}, {.busy = 5, .total = 200}), std::nullopt);
}

TEST(ProcText, ReadsValues) {
  const std::string text = "model name\t: Intel(R) Xeon(R)\nmodel name\t: other\nMemTotal:       2048 kB\nMemFree: 1 MB\nempty:\n";
  EXPECT_EQ(proc_value(text, "model name"), "Intel(R) Xeon(R)");
  EXPECT_EQ(proc_value(text, "name"), "");
  EXPECT_EQ(proc_value(text, "empty"), "");
  EXPECT_EQ(meminfo_bytes(text, "MemTotal"), 2097152u);
  EXPECT_EQ(meminfo_bytes(text, "MemFree"), std::nullopt);
}

}  // namespace
}  // namespace ondol
