// A list of requests run through a twin's batcher in virtual time: what each would have waited and taken, and what all would have drawn.
//
// Pure; any thread. Time and memory grow with the steps and with the requests that are in flight. Used to check the model against logs of
// real engines, and to plan.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "twin/twin_engine.h"

namespace ondol {

struct ReplayRequest {
  double arrival_s = 0;
  int64_t input_tokens = 1;
  int64_t output_tokens = 1;
  std::vector<int32_t> prompt = {};  // ids, as many as input_tokens; empty = shares nothing with others
};

struct ReplayAnswer {
  double queue_s = 0;  // from the arrival to the beginning of its first step
  double ttft_s = 0;   // to the end of the step that gave the first token
  double e2e_s = 0;    // to the end of the step that gave the last
  double energy_j = 0;
  int64_t tokens = 0, cached_tokens = 0;
};

struct ReplayResult {
  std::vector<ReplayAnswer> answers;  // in the order of the requests
  double duration_s = 0;              // from 0 to the end of the last step
  double busy_s = 0;
  double energy_j = 0;  // idle times included
  double idle_energy_j = 0;
  uint64_t steps = 0, preemptions = 0;
};

// `options.speed` and `max_waiting` do not count. kInvalidArgument names the request that no engine of these options would take.
Result<ReplayResult> replay(const TwinEngineOptions& options, std::span<const ReplayRequest> requests);

}  // namespace ondol
