#include "load/report.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <numeric>

#include "load/report_json.h"
#include "load/sample_test_util.h"

namespace ondol {
namespace {

TEST(Tpot, DividesByTheTokensAfterTheFirst) {
  const RequestSample sample = make_sample(0, 0, 100, {20, 20}, 9);  // chunks of several tokens: 40 ms for 8 tokens
  ASSERT_TRUE(tpot_ms(sample));
  EXPECT_DOUBLE_EQ(*tpot_ms(sample), 5);
  EXPECT_FALSE(tpot_ms(make_sample(0, 0, 100, {}, 1)));
}

TEST(Keeps, LooksAtBothSides) {
  const RequestSample sample = make_sample(0, 0, 100, {20, 20}, 3);  // TTFT 100 ms, TPOT 20 ms
  EXPECT_TRUE(keeps(sample, {.ttft_ms = 100, .tpot_ms = 20}));
  EXPECT_FALSE(keeps(sample, {.ttft_ms = 99, .tpot_ms = 20}));
  EXPECT_FALSE(keeps(sample, {.ttft_ms = 100, .tpot_ms = 19}));
  EXPECT_TRUE(keeps(sample, {.ttft_ms = {}, .tpot_ms = 20}));
  EXPECT_TRUE(keeps(sample, {}));
  RequestSample failed = sample;
  failed.error = SampleError::kTimeout;
  EXPECT_FALSE(keeps(failed, {}));
}

TEST(Report, CountsRatesOverTheWholeRun) {
  const LoadReport report = make_report(test_info(), test_samples(), {.ttft_ms = 150, .tpot_ms = 15});
  EXPECT_EQ(report.completed, 2);
  EXPECT_EQ(report.failed, 2);
  EXPECT_EQ(report.interrupted, 1);
  EXPECT_EQ(report.errors[static_cast<size_t>(SampleError::kHttp429)], 2);
  EXPECT_EQ(report.first_messages[static_cast<size_t>(SampleError::kHttp429)], "HTTP 429: \"<slow> & low\"");
  EXPECT_DOUBLE_EQ(report.duration_s, 0.5);
  EXPECT_DOUBLE_EQ(report.requests_per_s, 4);
  EXPECT_EQ(report.output_tokens, 6);
  EXPECT_DOUBLE_EQ(report.output_tokens_per_s, 12);
  EXPECT_EQ(report.input_tokens, 20);
  EXPECT_EQ(report.cached_tokens, 8);
  EXPECT_EQ(report.good, 1);
  EXPECT_DOUBLE_EQ(report.good_per_s, 2);
  EXPECT_DOUBLE_EQ(report.good_share, 0.25);
  EXPECT_EQ(report.without_usage, 0);
  EXPECT_EQ(report.short_answers, 0);
}

TEST(Report, SummarizesWholeAnswersOnly) {
  const LoadReport report = make_report(test_info(), test_samples(), {});
  EXPECT_EQ(report.ttft_ms.count, 2u);
  EXPECT_DOUBLE_EQ(report.ttft_ms.p50, 150);
  EXPECT_DOUBLE_EQ(report.ttft_ms.max, 200);
  EXPECT_EQ(report.itl_ms.count, 4u);
  EXPECT_DOUBLE_EQ(report.itl_ms.max, 30);
  EXPECT_DOUBLE_EQ(report.itl_ms.mean, 17.5);
  EXPECT_DOUBLE_EQ(report.max_gap_ms.max, 30);
  EXPECT_DOUBLE_EQ(report.prompt_tokens.mean, 10);
  EXPECT_EQ(report.lateness_ms.count, 0u);
  EXPECT_FALSE(report.lagged);
}

TEST(Report, SaysWhenTheGeneratorLagged) {
  RunInfo info = test_info();
  info.open_loop = true;
  auto samples = test_samples();
  EXPECT_FALSE(make_report(info, samples, {}).lagged);
  for (auto& sample : samples) sample.due_us = sample.sent_us - 25'000;
  const LoadReport late = make_report(info, samples, {});
  EXPECT_TRUE(late.lagged);
  EXPECT_DOUBLE_EQ(late.lateness_ms.p50, 25);
  info.held_back = 1;
  EXPECT_TRUE(make_report(info, test_samples(), {}).lagged);
}

TEST(Report, NotesAnswersWithoutUsageAndShortOnes) {
  auto samples = test_samples();
  samples[0].completion_tokens = -1;
  samples[1].planned_output = 100;
  const LoadReport report = make_report(test_info(), samples, {});
  EXPECT_EQ(report.without_usage, 1);
  EXPECT_EQ(report.short_answers, 1);
  EXPECT_EQ(report.output_tokens, 6);  // three chunks stand for three tokens
}

TEST(Report, OfNothingIsEmpty) {
  const LoadReport report = make_report(test_info(), {}, {.ttft_ms = 1, .tpot_ms = 1});
  EXPECT_EQ(report.completed, 0);
  EXPECT_EQ(report.duration_s, 0);
  EXPECT_EQ(report.good_share, 0);
}

TEST(Timeline, AddsUpToTheTokensAndTheTimeInFlight) {
  std::vector<RequestSample> samples{make_sample(0, 0, 100, {20, 20}, 6), make_sample(1, 0, 400, {50, 50}, 3)};
  const Timeline timeline = make_timeline(samples, 5);
  ASSERT_EQ(timeline.tokens_per_s.size(), 5u);
  EXPECT_DOUBLE_EQ(timeline.bucket_s, 0.1);
  EXPECT_DOUBLE_EQ(timeline.tokens_per_s[0], 0);
  EXPECT_NEAR(timeline.tokens_per_s[1] * timeline.bucket_s, 6, 1e-9);
  EXPECT_NEAR(timeline.tokens_per_s[4] * timeline.bucket_s, 3, 1e-9);
  EXPECT_NEAR(timeline.running[0], 2, 1e-9);
  EXPECT_NEAR(timeline.running[2], 1, 1e-9);
  const double in_flight_s = std::accumulate(timeline.running.begin(), timeline.running.end(), 0.0) * timeline.bucket_s;
  EXPECT_NEAR(in_flight_s, 0.140 + 0.500, 1e-9);
  EXPECT_TRUE(make_timeline({}, 5).running.empty());
}

TEST(ReportJson, HasTheDocumentedKeys) {
  const LoadReport report = make_report(test_info(), test_samples(), {.ttft_ms = 150, .tpot_ms = {}});
  const auto json = boost::json::parse(boost::json::serialize(report_json(report)));
  EXPECT_EQ(json.at("settings").at("model"), "<script>alert('m')</script>");
  EXPECT_EQ(json.at("settings").at("started"), "2026-11-24T11:32:59Z");
  EXPECT_EQ(json.at("requests").at("completed"), 2);
  EXPECT_EQ(json.at("requests").at("failed"), 2);
  EXPECT_EQ(json.at("errors").at(0).at("kind"), "http_429");
  EXPECT_EQ(json.at("errors").at(0).at("count"), 2);
  EXPECT_EQ(json.at("throughput").at("output_tokens_per_s").to_number<double>(), 12);
  EXPECT_EQ(json.at("ttft_ms").at("p99").to_number<double>(), 199);
  EXPECT_EQ(json.at("goodput").at("slo_ttft_ms").to_number<double>(), 150);
  EXPECT_TRUE(json.at("goodput").at("slo_tpot_ms").is_null());
  EXPECT_EQ(json.at("goodput").at("requests"), 1);
  EXPECT_TRUE(json.at("generator").at("lateness_ms").is_null());
  EXPECT_TRUE(report_json(make_report(test_info(), {}, {})).at("goodput").is_null());
}

}  // namespace
}  // namespace ondol
