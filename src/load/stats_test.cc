#include "load/stats.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(Percentile, InterpolatesBetweenNeighbours) {
  const std::vector<double> values{10, 20, 30, 40};
  EXPECT_EQ(percentile(values, 0), 10);
  EXPECT_EQ(percentile(values, 0.5), 25);
  EXPECT_DOUBLE_EQ(percentile(values, 0.9), 37);
  EXPECT_EQ(percentile(values, 1), 40);
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(percentile({}, 0.5), 0);
}

TEST(Summarize, IsExactWhateverTheOrder) {
  std::vector<double> values;
  for (int i = 0; i <= 100; ++i) values.push_back((i * 37) % 101);  // each of 0..100 once
  const Summary summary = summarize(values);
  EXPECT_EQ(summary.count, 101u);
  EXPECT_EQ(summary.mean, 50);
  EXPECT_EQ(summary.min, 0);
  EXPECT_EQ(summary.p50, 50);
  EXPECT_EQ(summary.p90, 90);
  EXPECT_EQ(summary.p95, 95);
  EXPECT_EQ(summary.p99, 99);
  EXPECT_EQ(summary.max, 100);
}

TEST(Summarize, OfNothingIsZero) {
  const Summary summary = summarize({});
  EXPECT_EQ(summary.count, 0u);
  EXPECT_EQ(summary.max, 0);
}

}  // namespace
}  // namespace ondol
