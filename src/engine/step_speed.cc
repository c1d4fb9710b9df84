#include "engine/step_speed.h"

#include <algorithm>
#include <bit>

namespace ondol {
namespace {

// A new sample counts for a fifth: the estimate follows a growing context within some steps, and forgets a hiccup as fast.
constexpr double kWeight = 0.2;
// A step that another process held up would otherwise grant prompts a multiple of their share.
constexpr double kMostJump = 2.0;
// Fewer rows tell nothing about the cost of a row: reading the weights once dominates.
constexpr int kTellingRows = 32;

size_t bucket(int streams) {
  return std::min<size_t>(15, static_cast<size_t>(std::bit_width(static_cast<unsigned>(std::max(1, streams) - 1))));
}

void learn(double& estimate, double sample) {
  if (estimate == 0) {
    estimate = sample;
  } else {
    estimate += kWeight * (std::min(sample, kMostJump * estimate) - estimate);
  }
}

}  // namespace

double StepSpeed::stream_step_us(int streams) const {
  const size_t wanted = bucket(streams);
  for (size_t b = wanted + 1; b-- > 0;)  // fewer streams are faster: an underestimate only grants less
    if (stream_step_us_[b] > 0) return stream_step_us_[b];
  return 0;
}

void StepSpeed::observe(int streams, int prompt_rows, int64_t elapsed_us) {
  const auto elapsed = static_cast<double>(elapsed_us);
  if (elapsed <= 0) return;
  if (prompt_rows == 0) return learn(stream_step_us_[bucket(streams)], elapsed);
  const double without = streams == 0 ? 0 : stream_step_us(streams);
  if (streams == 0 ? prompt_rows < kTellingRows : without == 0 || elapsed <= without) return;
  learn(prompt_row_us_, (elapsed - without) / prompt_rows);
}

int StepSpeed::prompt_rows(int streams, double slowdown, int least, int most, int unknown) const {
  least = std::min(least, most);
  const double without = stream_step_us(streams);
  if (without == 0 || prompt_row_us_ == 0) return std::clamp(unknown, least, most);
  const double rows = (slowdown - 1) * without / prompt_row_us_;
  return static_cast<int>(std::clamp(rows, static_cast<double>(least), static_cast<double>(most)));
}

}  // namespace ondol
