// A running floor of twins: engines behind their ports, cards in a /sys and /dev tree, GPUs as snapshots, and a port that takes faults.
//
// Owner: `ondol twin`, or a control plane in process. Any thread may call it. One thread ticks ten times a second. It ends with the object:
// ports closed, the tree removed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cost/cost_model.h"
#include "device/device.h"
#include "twin/floor.h"

namespace ondol {

struct TwinFloorOptions {
  std::string host = "127.0.0.1";
  std::string tree;  // folder for the RNGDs' tree; "" = none is made
  // The control port is this one, engines without a port of their own have those behind it. 0 = any free ports.
  int port_base = 8100;
};

// One engine, for a table.
struct TwinListing {
  std::string name, model, url;
  std::string served_model;               // as its API lists it; that of `model` unless the floor file says otherwise
  std::string devices;                    // as written: "npu:0,1"
  std::vector<std::string> device_names;  // "npu0", "npu1": as in device_energy and in snapshots
  std::string text, relay_problem;        // "filler" or "relay to MODEL"; why the relay failed last, or ""
  TwinEngineKind kind = TwinEngineKind::kFuriosaLlm;
  double speed = 1;     // as TwinEngineOptions
  std::string api_key;  // that its clients must send; empty = none
  bool serving = true;
  TwinLoad load;
};

// What a twin device has drawn since the floor started, in the floor's time: the truth that a meter's sums are held against. Ten times a
// second (of real time) it catches up with the engines' counters.
struct TwinDeviceEnergy {
  std::string name;  // "npu0", "gpu0"
  double energy_j = 0, time_s = 0;
};

class TwinFloor {
 public:
  static Result<std::unique_ptr<TwinFloor>> start(FloorPlan plan, const TwinFloorOptions& options);
  virtual ~TwinFloor() = default;

  // kNotFound lists the engines. A lost device is lost to all engines on it.
  virtual Status inject(const std::string& engine, const TwinFault& fault) = 0;
  virtual std::vector<TwinListing> engines() const = 0;
  // The twin GPUs, as an NvidiaReader would give real ones; a lost one is missing. RNGDs are read from the tree.
  virtual std::vector<DeviceSnapshot> gpus() const = 0;
  virtual std::vector<TwinDeviceEnergy> device_energy() const = 0;  // in the file's order; a lost one draws nothing
  // By which an engine runs; nothing if there is no such engine.
  virtual std::optional<CostModel> cost_of(const std::string& engine) const = 0;
  virtual std::string control_url() const = 0;
  virtual std::string tree() const = 0;
};

// {"control":...,"tree":...,"engines":[...],"gpus":[...],"devices":[...]}: what GET /twin/floor and `ondol twin --json` say.
std::string floor_json(const TwinFloor& floor);

// Reads a floor's GPUs through the interface of all devices; the floor must outlive it.
std::unique_ptr<DeviceReader> make_twin_gpu_reader(const TwinFloor& floor);

}  // namespace ondol
