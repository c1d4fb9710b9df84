// A running floor of twins: engines behind their ports, cards in a /sys and /dev tree, GPUs as snapshots, and a port that takes faults.
//
// Owner: `ondol twin`, or a control plane in process. Any thread may call it. One thread ticks ten times a second. It ends with the object:
// ports closed, the tree removed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
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
  std::string name, model, devices, url;
  TwinEngineKind kind = TwinEngineKind::kFuriosaLlm;
  bool serving = true;
  TwinLoad load;
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
  virtual std::string control_url() const = 0;
  virtual std::string tree() const = 0;
};

// {"control":...,"tree":...,"engines":[...],"gpus":[...]}: what GET /twin/floor and `ondol twin --json` say.
std::string floor_json(const TwinFloor& floor);

// Reads a floor's GPUs through the interface of all devices; the floor must outlive it.
std::unique_ptr<DeviceReader> make_twin_gpu_reader(const TwinFloor& floor);

}  // namespace ondol
