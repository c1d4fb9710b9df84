// How long steps take, learnt from those that ran, and how many prompt tokens a step can carry beside streams for a given slowdown of them.
//
// Owner: the core; one thread. Numbers in, numbers out: it reads no clock. Fixed size.
#pragma once

#include <array>
#include <cstdint>

namespace ondol {

class StepSpeed {
 public:
  // A step with `streams` sequences that drew one token each and `prompt_rows` prompt tokens took `elapsed_us`.
  void observe(int streams, int prompt_rows, int64_t elapsed_us);

  // Prompt tokens with which a step of `streams` streams lasts at most `slowdown` times as long as one without, in [least, most].
  // `unknown` as long as no step was seen that tells.
  int prompt_rows(int streams, double slowdown, int least, int most, int unknown) const;

  double stream_step_us(int streams) const;  // a step without prompt tokens; 0 = not known
  double prompt_row_us() const { return prompt_row_us_; }

 private:
  // One estimate for each doubling of the number of streams: 1, 2, 3-4, 5-8, ... Between those, a step's time grows by less than the
  // slowdown that is asked for.
  std::array<double, 16> stream_step_us_{};
  double prompt_row_us_ = 0;
};

}  // namespace ondol
