// A floor of twins as its file describes it, and what becomes of it: engines with their cost models.
//
// Owner: value types and pure functions. Any thread. Bounded: kMaxDevices, kMaxEngines. Lines are those of the floor file, for messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "twin/fault_plan.h"
#include "twin/twin_engine.h"

namespace ondol {

enum class FloorDeviceKind { kNpu, kGpu, kCpu };

struct FloorDevice {
  FloorDeviceKind kind = FloorDeviceKind::kNpu;
  std::string profile;  // "rngd", "h100", ...: a name of builtin_device
};

// A device, or some PEs of an RNGD, that an engine has.
struct FloorSlice {
  FloorDeviceKind kind = FloorDeviceKind::kNpu;
  int index = 0;  // among those of its kind
  int first_pe = 0, last_pe = 7;
};

// A server that is asked for what an engine says, instead of filler.
struct FloorRelay {
  std::string url, model;   // "" = filler
  std::string api_key_env;  // the variable that has its key; "" = none is sent
};

struct FloorEngine {
  std::string name, model, served_name, config, api_key;
  TwinEngineKind kind = TwinEngineKind::kFuriosaLlm;
  std::string devices;  // as written: "npu:0:0-3", "npu:0,1,2,3", "gpu:0"
  int port = 0;         // 0 = the floor's next
  double speed = 0;     // 0 = the floor's
  int max_concurrency = 0;
  int64_t max_step_tokens = 0, max_context = 0;
  bool prefix_cache = true, dev_mode = false;
  std::vector<FloorFault> faults;
  FloorRelay relay;
  int line = 0, devices_line = 0, model_line = 0, port_line = 0, relay_line = 0;
};

struct FloorSpec {
  static constexpr size_t kMaxDevices = 64;
  static constexpr size_t kMaxEngines = 64;
  std::string name = "twin";
  double speed = 1;
  uint64_t seed = 1;
  std::vector<FloorDevice> devices;
  std::vector<FloorEngine> engines;
};

// An engine that can be started.
struct PlannedEngine {
  FloorEngine spec;
  std::vector<FloorSlice> slices;
  TwinEngineOptions options;
};

struct FloorPlan {
  FloorSpec spec;
  std::vector<PlannedEngine> engines;
  int npus() const;
  int gpus() const;
  const FloorDevice& device(FloorDeviceKind kind, int index) const;
};

// "npu:0", "npu:0:0-3", "npu:0,1,2,3", "npu:0:0-3,npu:1:0-3", "gpu:0,1": furiosa-llm's notation, and the same for GPUs.
Result<std::vector<FloorSlice>> parse_slices(std::string_view text);

// Reads a model's config.json; fails if it cannot be read.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// Everything that can be wrong with a floor but its syntax: unknown devices and models, names and ports and devices that are taken twice,
// engines on devices that are not theirs, parallelism that does not exist, models that do not fit. Messages begin with "line N: ".
Result<FloorPlan> plan_floor(FloorSpec spec, const ReadFile& read_file);

}  // namespace ondol
