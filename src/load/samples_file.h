// The raw samples of a run in a file: JSON lines, the run's settings first, then one request a line.
//
// Pure functions; any thread. Bounded: kMaxSamplesFileBytes, kMaxRequests lines (load/trace.h), the limits of sample.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "load/sample.h"

namespace ondol {

inline constexpr size_t kMaxSamplesFileBytes = size_t{1} << 30;

struct SavedRun {
  RunInfo info;
  std::vector<RequestSample> samples;
};

std::string samples_text(const SavedRun& run);

// kInvalidArgument names the line. Numbers out of their range are errors, so that whatever parses can be reported.
Result<SavedRun> parse_samples(std::string_view text);

}  // namespace ondol
