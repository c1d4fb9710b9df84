// Private to this room: the devices of a floor, moved on by what the engines on them do, and shown where such devices are looked for; what
// somebody wrote there (power limit, governor) goes back to the engines.
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
#include "twin/twin_floor.h"

namespace ondol {

bool share_a_device(const PlannedEngine& a, const PlannedEngine& b);

class TwinFloorDevices {
 public:
  explicit TwinFloorDevices(const FloorPlan& plan);

  Status make_tree(const std::string& folder);
  void remove_tree();
  std::string tree() const { return tree_ ? tree_->path() : std::string(); }

  using Runs = std::vector<std::unique_ptr<TwinEngineRun>>;
  void advance(const Runs& runs, double seconds);
  std::vector<DeviceSnapshot> gpus() const;
  std::vector<TwinDeviceEnergy> energy() const;

 private:
  struct Unit {
    FloorDeviceKind kind;
    int index;  // among those of its kind
    std::string profile;
    TwinDevice device;
    double empty_w, board_limit_w;
    double limit_w = board_limit_w;
    std::string governor = "performance";
    bool lost = false, garbled = false, capped = false;
    std::array<bool, 8> leased{};  // PEs of a running engine
    uint64_t heartbeat = 0;
  };
  // An engine's load at this tick, and its power since the last one, in the mean.
  struct Now {
    TwinLoad load;
    double power_w = 0;
  };
  void read_controls(Unit& unit) const;
  void look(const Runs& runs);
  void set_limits(const Runs& runs) const;
  double headroom_w(const Unit& unit, const Runs& runs) const;
  TwinDeviceInput gather(Unit& unit, const Runs& runs) const;
  void show(Unit& unit);
  DeviceSnapshot snapshot(const Unit& unit) const;

  std::vector<Unit> units_;
  std::vector<Now> now_;  // of each run
  std::optional<RngdTree> tree_;
  bool complained_ = false;
};

}  // namespace ondol
