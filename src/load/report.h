// What came of a run: counts, rates and distributions.
//
// Pure functions over samples; any thread.
//
// Definitions. TTFT: from sending (before the connection is opened) to the first chunk with text. ITL: between one chunk and the next.
// TPOT: (last chunk - first chunk) / (tokens - 1), for answers of two tokens and more. E2E: from sending to the end of the answer. Rates
// count whole answers, over the time from the first sending to the last end. Lateness: from the time a request was due to its sending.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "load/sample.h"
#include "load/stats.h"

namespace ondol {

// What a good answer keeps; without a value that side does not count.
struct Slo {
  std::optional<double> ttft_ms;
  std::optional<double> tpot_ms;

  bool any() const { return ttft_ms || tpot_ms; }
};

struct LoadReport {
  RunInfo info;
  Slo slo;
  int completed = 0, failed = 0, interrupted = 0;
  std::array<int, kSampleErrors> errors{};                // by SampleError
  std::array<std::string, kSampleErrors> first_messages;  // of each kind

  double duration_s = 0;
  int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // of whole answers
  int without_usage = 0;                                           // answers whose chunks were counted as tokens
  int short_answers = 0;                                           // fewer tokens than asked for
  int64_t gaps_left_out = 0;                                       // ITL values beyond the limits of sample.h
  double requests_per_s = 0, input_tokens_per_s = 0, output_tokens_per_s = 0;

  Summary ttft_ms, itl_ms, tpot_ms, e2e_ms, max_gap_ms;
  Summary prompt_tokens, completion_tokens;  // as the server counted
  Summary lateness_ms;                       // open loop; otherwise empty
  bool lagged = false;                       // the generator itself was too late for its figures to be trusted

  int good = 0;                           // whole answers that kept the Slo
  double good_per_s = 0, good_share = 0;  // of the requests that were sent and not interrupted
};

LoadReport make_report(const RunInfo& info, const std::vector<RequestSample>& samples, const Slo& slo);

// TPOT in milliseconds; nothing for an answer that has none.
std::optional<double> tpot_ms(const RequestSample& sample);
bool keeps(const RequestSample& sample, const Slo& slo);

// The run in `buckets` equal pieces of time.
struct Timeline {
  double bucket_s = 0;
  std::vector<double> tokens_per_s;  // output; an answer's tokens are spread over its chunks
  std::vector<double> running;       // requests in flight, on average
};
Timeline make_timeline(const std::vector<RequestSample>& samples, size_t buckets);

}  // namespace ondol
