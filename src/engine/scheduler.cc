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

bool is_stream(const SequenceView& view) { return view.pending == 1 || (view.answering && view.pending <= kStreamRows); }

std::vector<int> plan_step(std::span<const SequenceView> sequences, const StepLimits& limits) {
  std::vector<int> plan(sequences.size(), 0);
  int64_t budget = limits.step_tokens;
  bool streams = false;
  for (size_t i = 0; i < sequences.size() && budget > 0; ++i) {
    if (!is_stream(sequences[i]) || sequences[i].waits) continue;
    plan[i] = static_cast<int>(std::min(sequences[i].pending, budget));
    budget -= plan[i];
    streams = true;
  }
  int64_t drafts = std::min<int64_t>(budget, limits.draft_rows);
  for (size_t i = 0; i < sequences.size() && drafts > 0; ++i) {
    if (plan[i] == 0 || plan[i] < sequences[i].pending) continue;
    const auto rows = std::min<int64_t>(sequences[i].drafts, drafts);
    plan[i] += static_cast<int>(rows);
    drafts -= rows;
    budget -= rows;
  }
  if (streams) budget = std::min<int64_t>(budget, limits.mixed_prefill);
  int64_t scored = kScoredRows;
  for (size_t i = 0; i < sequences.size() && budget > 0; ++i) {
    if (is_stream(sequences[i]) || sequences[i].waits) continue;
    const int64_t most = sequences[i].scored ? std::min(budget, scored) : budget;
    if (most == 0) continue;
    const int64_t tokens = chunk(sequences[i].computed, sequences[i].pending, most, limits.align);
    plan[i] = static_cast<int>(tokens);
    budget -= tokens;
    if (sequences[i].scored) scored -= tokens;
  }
  return plan;
}

}  // namespace ondol
