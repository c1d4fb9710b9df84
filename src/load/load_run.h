// Carries a plan out: one thread for each request in flight, and the calling thread as timekeeper.
//
// Owner: a function that returns when every request has ended. Bounded: LoadPlan::max_in_flight threads, made only as they are needed;
// every request ends after LoadTarget::timeout_s at most; a run that is stopped ends within about 0.1 s.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/error.h"
#include "load/load_client.h"
#include "load/load_plan.h"
#include "load/sample.h"

namespace ondol {

inline constexpr int kMaxInFlight = 4096;

struct RunProgress {
  size_t total = 0;
  size_t done = 0;  // ended, well or not
  size_t failed = 0;
  int running = 0;
  int64_t chunks = 0;  // of text so far, of all answers: about one a token
  int64_t elapsed_us = 0;
  int64_t ttft_us = -1;  // median of the last answers; -1 = none yet
};

struct RunOutcome {
  std::vector<RequestSample> samples;  // of the requests that were sent, by their index
  int held_back = 0;                   // were due while max_in_flight others ran (open loop)
  bool interrupted = false;
};

// `stopped` and `on_tick` are called ten times a second on the calling thread; once `stopped` says true nothing more is sent and what is in
// flight is given up. Errors: kResourceExhausted if not even one thread could be made. What goes wrong with a request is in its sample.
Result<RunOutcome> run_load(const LoadPlan& plan, const LoadTarget& target, const std::function<bool()>& stopped,
                            const std::function<void(const RunProgress&)>& on_tick = {});

}  // namespace ondol
