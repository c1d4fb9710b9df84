#include "twin/replay.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "twin/batcher.h"
#include "twin/twin_test_util.h"

namespace ondol {
namespace {

std::vector<ReplayRequest> random_requests(size_t count, double per_second) {
  std::mt19937 random(3);
  std::exponential_distribution<double> gap(per_second);
  std::vector<ReplayRequest> requests(count);
  double at = 0;
  for (ReplayRequest& request : requests) {
    at += gap(random);
    request = {at, static_cast<int64_t>(random() % 2000 + 1), static_cast<int64_t>(random() % 300 + 1)};
  }
  return requests;
}

TEST(Replay, EachRequestGetsExactlyItsTokens) {
  for (const TwinEngineOptions& options : {rngd_options(), vllm_options()}) {
    const std::vector<ReplayRequest> requests = random_requests(200, 4);
    const Result<ReplayResult> result = replay(options, requests);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->answers.size(), requests.size());
    double joules = result->idle_energy_j;
    for (size_t i = 0; i < requests.size(); ++i) {
      const ReplayAnswer& answer = result->answers[i];
      EXPECT_EQ(answer.tokens, requests[i].output_tokens);
      EXPECT_EQ(answer.cached_tokens, 0);
      EXPECT_GE(answer.queue_s, 0);
      EXPECT_GT(answer.ttft_s, answer.queue_s);
      EXPECT_GE(answer.e2e_s, answer.ttft_s);
      EXPECT_GT(answer.energy_j, 0);
      joules += answer.energy_j;
    }
    EXPECT_NEAR(joules, result->energy_j, result->energy_j * 1e-9);  // all of it is somebody's or idle
    EXPECT_LE(result->busy_s, result->duration_s * (1 + 1e-9));
  }
}

TEST(Replay, OneRequestTakesWhatTheCostModelSays) {
  const TwinEngineOptions options = rngd_options();
  const std::vector<ReplayRequest> requests = {{5, 500, 3}};
  const Result<ReplayResult> result = replay(options, requests);
  ASSERT_TRUE(result) << result.error().message;
  const double prefill = options.cost.prefill(500).seconds;
  const double decodes = options.cost.decode(1, 501).seconds + options.cost.decode(1, 502).seconds;
  EXPECT_EQ(result->steps, 3U);
  EXPECT_EQ(result->answers[0].queue_s, 0);
  EXPECT_NEAR(result->answers[0].ttft_s, prefill, 1e-9);
  EXPECT_NEAR(result->answers[0].e2e_s, prefill + decodes, 1e-9);
  EXPECT_NEAR(result->idle_energy_j, 5 * options.cost.idle_power_w(), 1e-6);
}

TEST(Replay, TheOrderOfTheListDoesNotMatter) {
  std::vector<ReplayRequest> requests = random_requests(50, 4);
  const Result<ReplayResult> sorted = replay(vllm_options(), requests);
  std::swap(requests[10], requests[40]);
  const Result<ReplayResult> swapped = replay(vllm_options(), requests);
  ASSERT_TRUE(sorted && swapped);
  EXPECT_EQ(sorted->answers[10].e2e_s, swapped->answers[40].e2e_s);
  EXPECT_EQ(sorted->answers[25].ttft_s, swapped->answers[25].ttft_s);
}

TEST(Replay, SharedPromptsCostLess) {
  std::vector<ReplayRequest> requests(4, {0, 3000, 1, std::vector<int32_t>(3000, 7)});
  const Result<ReplayResult> shared = replay(rngd_options(), requests);
  for (ReplayRequest& request : requests) request.prompt.clear();
  const Result<ReplayResult> alone = replay(rngd_options(), requests);
  ASSERT_TRUE(shared && alone);
  EXPECT_EQ(shared->answers[3].cached_tokens, 2999);
  EXPECT_LT(shared->duration_s, alone->duration_s / 2);
}

TEST(Replay, SaysWhatItCannotRun) {
  const TwinEngineOptions options = rngd_options();
  const auto why = [&](const ReplayRequest& request) {
    const std::vector<ReplayRequest> requests = {{0, 1, 1}, request};
    const Result<ReplayResult> result = replay(options, requests);
    return result ? "" : result.error().message;
  };
  EXPECT_NE(why({0, 0, 1}).find("request 1"), std::string::npos);
  EXPECT_NE(why({0, 1, 0}).find("at least 1"), std::string::npos);
  EXPECT_NE(why({-1, 1, 1}).find("arrival"), std::string::npos);
  EXPECT_NE(why({std::nan(""), 1, 1}).find("arrival"), std::string::npos);
  EXPECT_NE(why({0, 1, std::numeric_limits<int64_t>::max()}).find("context"), std::string::npos);
  EXPECT_NE(why({0, std::numeric_limits<int64_t>::max(), 1}).find("context"), std::string::npos);
  EXPECT_NE(why({0, 5, 1, {1, 2}}).find("ids"), std::string::npos);
  EXPECT_EQ(why({0, 2, 1, {1, 2}}), "");
}

}  // namespace
}  // namespace ondol
