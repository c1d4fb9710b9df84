// Private to this room: the devices of a floor, moved on by what the engines on them do, and shown where such devices are looked for.
//
// Owner: a TwinFloor, under its mutex. Ten times a second; writes only what changes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/device.h"
#include "device/rngd_tree.h"
#include "twin/floor.h"
#include "twin/twin_device.h"
#include "twin/twin_engine_run.h"

namespace ondol {

bool share_a_device(const PlannedEngine& a, const PlannedEngine& b);

class TwinFloorDevices {
 public:
  explicit TwinFloorDevices(const FloorPlan& plan);

  Status make_tree(const std::string& folder);
  void remove_tree();
  std::string tree() const { return tree_ ? tree_->path() : std::string(); }

  void advance(const std::vector<std::unique_ptr<TwinEngineRun>>& runs, double seconds);
  std::vector<DeviceSnapshot> gpus() const;

 private:
  struct Unit {
    FloorDeviceKind kind;
    int index;  // among those of its kind
    std::string profile;
    TwinDevice device;
    double empty_w, limit_w;
    bool lost = false, garbled = false;
    std::array<bool, 8> leased{};  // PEs of a running engine
    uint64_t heartbeat = 0;
  };
  TwinDeviceInput gather(Unit& unit, const std::vector<std::unique_ptr<TwinEngineRun>>& runs) const;
  void show(Unit& unit);
  DeviceSnapshot snapshot(const Unit& unit) const;

  std::vector<Unit> units_;
  std::optional<RngdTree> tree_;
  bool complained_ = false;
};

}  // namespace ondol
