// Samples with round numbers, for the tests of reports.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "load/sample.h"

namespace ondol {

// Sent at `sent_ms`, first chunk `ttft_ms` later, then chunks after `gaps_ms` each; the end is the last chunk.
inline RequestSample make_sample(int32_t index, int64_t sent_ms, int64_t ttft_ms, const std::vector<uint32_t>& gaps_ms, int32_t tokens) {
  RequestSample sample;
  sample.index = index;
  sample.due_us = sample.sent_us = sent_ms * 1000;
  sample.first_us = sample.last_us = (sent_ms + ttft_ms) * 1000;
  sample.chunks = 1 + static_cast<int32_t>(gaps_ms.size());
  for (const uint32_t gap : gaps_ms) {
    sample.gaps_us.push_back(gap * 1000);
    sample.last_us += gap * 1000;
    sample.max_gap_us = std::max<int64_t>(sample.max_gap_us, gap * 1000);
  }
  sample.end_us = sample.last_us;
  sample.planned_input = 8;
  sample.planned_output = tokens;
  sample.prompt_tokens = 10;
  sample.cached_tokens = 4;
  sample.completion_tokens = tokens;
  sample.status = 200;
  return sample;
}

inline RequestSample failed_sample(int32_t index, int64_t sent_ms, SampleError error) {
  RequestSample sample;
  sample.index = index;
  sample.due_us = sample.sent_us = sent_ms * 1000;
  sample.end_us = sample.sent_us + 1000;
  sample.error = error;
  sample.message = error == SampleError::kHttp429 ? "HTTP 429: \"<slow> & low\"" : "the run was ended";
  return sample;
}

// Half a second: two answers of three tokens, two refusals, one that was interrupted.
inline std::vector<RequestSample> test_samples() {
  return {make_sample(0, 0, 100, {10, 10}, 3), make_sample(1, 250, 200, {20, 30}, 3), failed_sample(2, 300, SampleError::kHttp429),
          failed_sample(3, 310, SampleError::kHttp429), failed_sample(4, 400, SampleError::kInterrupted)};
}

// With a model name that tries to be more than a name.
inline RunInfo test_info() {
  RunInfo info;
  info.target = "http://127.0.0.1:8080/";
  info.model = "<script>alert('m')</script>";
  info.endpoint = "chat";
  info.arrivals = "closed loop of 2";
  info.prompts = "8 tokens in, 3 out";
  info.seed = 18'446'744'073'709'551'615u;
  info.planned = 5;
  info.started_unix_s = 1'795'519'979;
  return info;
}

}  // namespace ondol
