#include "engine/scheduler.h"

#include <algorithm>

namespace ondol {
namespace {

// The chunk of `pending` tokens that fits `budget`; ends on a block edge unless it is the last, or less than a block fits.
int64_t chunk(int64_t computed, int64_t pending, int64_t budget, int64_t align) {
  if (pending <= budget) return pending;
  const int64_t end = (computed + budget) / align * align;
  return end > computed ? end - computed : budget;
}

}  // namespace

std::vector<int> plan_step(std::span<const SequenceView> sequences, const StepLimits& limits) {
  std::vector<int> plan(sequences.size(), 0);
  int64_t budget = limits.step_tokens;
  int streams = 0;
  for (size_t i = 0; i < sequences.size() && budget > 0; ++i) {
    if (sequences[i].pending != 1 || sequences[i].waits) continue;
    plan[i] = 1;
    --budget;
    ++streams;
  }
  if (streams > 0) budget = std::min<int64_t>(budget, limits.mixed_prefill);
  for (size_t i = 0; i < sequences.size() && budget > 0; ++i) {
    if (sequences[i].pending <= 1 || sequences[i].waits) continue;
    const int64_t tokens = chunk(sequences[i].computed, sequences[i].pending, budget, limits.align);
    plan[i] = static_cast<int>(tokens);
    budget -= tokens;
  }
  return plan;
}

}  // namespace ondol
