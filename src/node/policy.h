// What to start, stop and kill, and when: a pure function of what is declared, what is seen, and the time.
//
// Owner: the node keeps one EngineState for each engine that it runs or ran. Any thread. Nothing here reads a clock or touches a process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/declared.h"
#include "node/pinned_device.h"

namespace ondol {

enum class EnginePhase { kWaiting, kStarting, kReady, kDraining, kKilled, kCrashLooping };
std::string_view engine_phase_name(EnginePhase phase);

struct EngineState {
  DeclaredEngine as;  // what runs, or is about to
  EnginePhase phase = EnginePhase::kWaiting;
  int64_t since_us = 0;     // of the phase
  int64_t start_at_us = 0;  // kWaiting: not before
  int failures = 0;         // in a row; being ready for `stable_us` forgets them
  int restarts = 0;         // ever
  std::string reason;       // why it is where it is, for people
};

// What is seen of one engine's process.
struct EngineSight {
  bool alive = false;
  bool ready = false;
  std::string exit;  // "exit code 3", "signal 9 (Killed)": how the last process ended
};

struct RestartLimits {
  int64_t first_delay_us = 1'000'000, max_delay_us = 60'000'000;  // doubles from one failure to the next
  int max_failures = 8;                                           // in a row: then it is left alone until the file changes
  int64_t stable_us = 60'000'000;
  int64_t kill_again_us = 5'000'000;
};

struct NodeAction {
  enum class Kind { kStart, kTerminate, kKill, kForget } kind;
  std::string engine;
};

// Moves `states` on and says what to do. An engine that is not declared any more is drained and forgotten; one that is declared otherwise
// is drained and started anew; an engine waits for devices and ports that another one still holds, and for its devices to be there and
// well; one whose device is not there any more is drained. `stopping`: as if nothing was declared.
std::vector<NodeAction> plan_node(const DeclaredNode& declared, const std::map<std::string, EngineSight>& seen, const DeviceView& devices,
                                  int64_t now_us, bool stopping, const RestartLimits& limits, std::map<std::string, EngineState>& states);

}  // namespace ondol
