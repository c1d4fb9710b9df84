// A progress bar on stderr: one line redrawn on a terminal, a plain line every ten seconds elsewhere.
//
// Owner: the command that does the work; one thread at a time. Bounded: redraws at most ten times a second.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "base/clock.h"

namespace ondol {

enum class ProgressUnit { kBytes, kShare };  // kShare: only the percentage means anything

struct ProgressState {
  std::string label;
  ProgressUnit unit = ProgressUnit::kBytes;
  uint64_t done = 0;
  uint64_t total = 0;          // 0 = unknown
  uint64_t done_at_start = 0;  // bytes that were there before: left out of the speed
  int64_t elapsed_us = 0;
};

// "fetching  [=====>    ]  52%  255/490 MiB  12.3 MiB/s  0:19 left", cut to `columns`.
std::string progress_line(const ProgressState& state, int columns);

class ProgressBar {
 public:
  // `terminal`: redraw one line; otherwise plain lines, none at all for what is done in seconds.
  ProgressBar(std::string label, ProgressUnit unit, std::FILE* out, bool terminal, const Clock& clock);
  // On stderr, a terminal or not as it is.
  ProgressBar(std::string label, ProgressUnit unit, const Clock& clock);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(uint64_t done, uint64_t total);
  // For kShare: 0..1.
  void update_share(double share) { update(static_cast<uint64_t>(share * 1000), 1000); }
  // Clears the line, so that what is printed next starts on a clean one.
  void clear();

 private:
  ProgressState state_;
  std::FILE* out_;
  bool terminal_;
  const Clock& clock_;
  int64_t started_us_ = -1;
  int64_t drawn_us_ = 0;
  bool drawn_ = false;
};

}  // namespace ondol
