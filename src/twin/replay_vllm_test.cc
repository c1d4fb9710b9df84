// The log of a real vLLM beside its replay: vLLM 0.19.0, Llama-3.1-8B bf16, one RTX PRO 6000, max_num_seqs 128, max_num_batched_tokens
// 2048, 300 ShareGPT requests at 10 a second; of LLMServingSim 2.0's published ground truth (arXiv 2602.23036). Columns: seconds from the
// first arrival; tokens in and out; seconds from the request's arrival to its first step, first token and last token.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "twin/replay.h"
#include "twin/twin_test_util.h"

namespace ondol {
namespace {

struct Logged {
  ReplayRequest request;
  double queue_s = 0, ttft_s = 0, e2e_s = 0;
};

std::vector<Logged> read_log() {
  std::ifstream file(ONDOL_SOURCE_DIR "/tests/data/vllm_rtx_pro_6000_llama_3.1_8b.csv");
  std::vector<Logged> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    Logged row;
    long long in = 0, out = 0;
    const int read =
        std::sscanf(line.c_str(), "%lf,%lld,%lld,%lf,%lf,%lf", &row.request.arrival_s, &in, &out, &row.queue_s, &row.ttft_s, &row.e2e_s);
    EXPECT_EQ(read, 6) << line;
    row.request.input_tokens = in;
    row.request.output_tokens = out;
    rows.push_back(row);
  }
  return rows;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

TEST(ReplayOfVllm, LatenciesAreThoseOfTheLog) {
  const std::vector<Logged> log = read_log();
  ASSERT_EQ(log.size(), 300U);
  TwinEngineOptions options = vllm_options();
  options.max_concurrency = 128;
  options.max_step_tokens = 2048;
  std::vector<ReplayRequest> requests;
  for (const Logged& row : log) requests.push_back(row.request);
  const Result<ReplayResult> result = replay(options, requests);
  ASSERT_TRUE(result) << result.error().message;

  std::vector<double> e2e, ttft, e2e_ratio, ttft_ratio, tpot_ratio;
  for (size_t i = 0; i < log.size(); ++i) {
    const ReplayAnswer& answer = result->answers[i];
    e2e_ratio.push_back(answer.e2e_s / log[i].e2e_s);
    ttft_ratio.push_back(answer.ttft_s / log[i].ttft_s);
    e2e.push_back(std::abs(e2e_ratio.back() - 1));
    ttft.push_back(std::abs(ttft_ratio.back() - 1));
    tpot_ratio.push_back((answer.e2e_s - answer.ttft_s) / (log[i].e2e_s - log[i].ttft_s));
  }
  std::printf("median error: end to end %.1f %%, TTFT %.1f %%; median ratio: end to end %.3f, TTFT %.3f, TPOT %.3f; all took %.1f s\n",
              100 * median(e2e), 100 * median(ttft), median(e2e_ratio), median(ttft_ratio), median(tpot_ratio), result->duration_s);
  EXPECT_LT(median(e2e), 0.10);
  EXPECT_LT(median(ttft), 0.20);
}

}  // namespace
}  // namespace ondol
