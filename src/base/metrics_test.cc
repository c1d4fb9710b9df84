#include "base/metrics.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(Metrics, RendersPrometheusText) {
  Registry registry;
  registry.counter("requests_total", "Requests.", {{"model", "a\"b\n"}}).add(3);
  registry.gauge("queue", "Waiting.").set(1.5);
  auto& ttft = registry.histogram("ttft_seconds", "TTFT.", {0.1, 1});
  ttft.observe(0.05);
  ttft.observe(0.5);
  ttft.observe(7);
  const std::string text = registry.render();
  EXPECT_NE(text.find("# TYPE requests_total counter\nrequests_total{model=\"a\\\"b\\n\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("queue 1.5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ttft_seconds_bucket{le=\"0.1\"} 1\nttft_seconds_bucket{le=\"1\"} 2\nttft_seconds_bucket{le=\"+Inf\"} 3\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("ttft_seconds_sum 7.55\nttft_seconds_count 3\n"), std::string::npos) << text;
}

TEST(Metrics, QuantileInterpolatesInsideTheBucket) {
  Histogram h({1, 2, 4});
  EXPECT_EQ(h.quantile(0.5), 0);
  for (int i = 0; i < 10; ++i) h.observe(1.5);
  EXPECT_DOUBLE_EQ(h.quantile(0.5), 1.5);
}

TEST(Metrics, SeriesAreBounded) {
  Registry registry;
  for (size_t i = 0; i < Registry::kMaxSeries + 50; ++i) registry.counter("c", "C.", {{"who", std::to_string(i)}}).add();
  EXPECT_EQ(registry.counter("c", "C.", {{"who", "one more"}}).value(), 50u);
}

}  // namespace
}  // namespace ondol
