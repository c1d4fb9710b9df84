// Keeps the engines of one machine as declared: starts, watches, drains, restarts.
//
// Owner: `ondol node`, or `ondol up`. `run` on one thread, which starts all processes and must outlive them; the rest from any thread.
// Bounded: kMaxNodeEngines processes, their logs (engine_log.h), one probe in flight for each. Devices are looked at from the first
// declaration on that names an NPU or a GPU.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "node/declared.h"
#include "node/policy.h"

namespace ondol {

struct EngineReport {
  EngineState state;
  std::optional<int64_t> pid;
  double in_phase_s = 0;
  std::vector<PinnedDevice> devices;
  std::string log_tail;
};

class Node {
 public:
  // `devices`: where they are looked at.
  static std::unique_ptr<Node> create(const RestartLimits& limits = {}, const DeviceReaderOptions& devices = {});
  virtual ~Node() = default;  // what still runs is killed; on the thread of `run`

  // kInvalidArgument: nothing changes then; also for devices that this machine does not have, in entries that are not as before. Engines
  // whose entry is as before run on. May take as long as a reading of the devices.
  virtual Status declare(DeclaredNode declared) = 0;
  // Returns once stop() was called and all engines have ended.
  virtual void run() = 0;
  virtual void stop() = 0;  // drains all; the second time kills them
  virtual std::vector<EngineReport> report() const = 0;
};

}  // namespace ondol
