// Ctrl-C and SIGTERM.
//
// Signal handlers belong to the process, so at most one of these objects exists at a time; made and used on the main thread.
#pragma once

namespace ondol {

// For a server. Before `arm` a signal ends the process at once (a load can be broken off); after it the first one lets `wait` return and
// the second one ends the process at once.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  void arm();
  // Blocks until SIGINT or SIGTERM came; its number.
  int wait();
};

// For an interactive program: SIGINT sets a flag, and interrupts a blocking read.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;
  bool raised() const;
  void clear();
};

}  // namespace ondol
