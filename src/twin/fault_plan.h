// Faults by time or by seed: which are due.
//
// Owner: one twin engine's floor; one thread. Pure: time is passed in, in the twin's seconds since its start. Bounded: kMaxFaults, and one
// due fault of each line a call.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "twin/twin_engine.h"

namespace ondol {

struct FloorFault {
  TwinFault fault;
  double at_s = -1;    // once, then; or
  double every_s = 0;  // again and again, this far apart on average (exponentially distributed)
};

class FaultPlan {
 public:
  static constexpr size_t kMaxFaults = 64;
  FaultPlan(std::vector<FloorFault> faults, uint64_t seed);
  // The faults whose time has come since the last call.
  std::vector<TwinFault> due(double now_s);

 private:
  double gap(double mean_s);

  std::vector<FloorFault> faults_;
  std::vector<double> next_s_;
  std::mt19937_64 random_;
};

// "hang", "slow", "throttle", "crash", "lost", "garbage", "none". kInvalidArgument lists them.
Result<TwinFault::Kind> parse_fault_kind(std::string_view name);
std::string_view fault_kind_name(TwinFault::Kind kind);
// kInvalidArgument: a slow-down without a factor above 1, seconds below 0, and the like.
Status check_fault(const TwinFault& fault);

}  // namespace ondol
