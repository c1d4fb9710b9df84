// What `ondol bench serve` shows on a terminal: one line while it runs, a table at the end.
//
// Owner: the command; main thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "load/load_run.h"
#include "load/report.h"

namespace ondol {

// "120/200 done, 8 running, 2 failed, 412 tok/s, TTFT p50 84 ms".
std::string load_progress_line(const RunProgress& progress);

// Redraws one line on a terminal; elsewhere a plain line every ten seconds.
class LoadProgress {
 public:
  LoadProgress(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}
  ~LoadProgress();
  LoadProgress(const LoadProgress&) = delete;
  LoadProgress& operator=(const LoadProgress&) = delete;
  void update(const RunProgress& progress);

 private:
  std::FILE* out_;
  bool terminal_;
  bool drawn_ = false;
  int64_t printed_us_ = 0;
};

// The whole report as text, with a final newline.
std::string load_report_text(const LoadReport& report);

}  // namespace ondol
