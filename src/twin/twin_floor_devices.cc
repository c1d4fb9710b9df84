#include "twin/twin_floor_devices.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ondol {
namespace {

constexpr uint32_t kThermalBit = 0x2, kPowerCapBit = 0x4;
// Engines reserve their cache when they start, so that memory does not follow the load.
constexpr double kReserved = 0.9;

struct Board {
  std::string_view profile, product;
  double empty_w, limit_w, clock_mhz, memory_gib;
};
// Limits and memory: the makers' data sheets. Idle without a model: RNGD measured by a third party, GPUs rounded from nvidia-smi listings.
constexpr std::array<Board, 6> kBoards = {{{"rngd", "FuriosaAI RNGD", 39.35, 180, 2000, 47.5},
                                           {"h100", "NVIDIA H100 80GB HBM3", 70, 700, 1980, 79.6},
                                           {"b200", "NVIDIA B200", 140, 1000, 1965, 179},
                                           {"l40s", "NVIDIA L40S", 35, 350, 2520, 45},
                                           {"rtx-pro-6000", "NVIDIA RTX PRO 6000 Blackwell", 30, 600, 2430, 95.6},
                                           {"rtx-4090", "NVIDIA GeForce RTX 4090", 20, 450, 2520, 24}}};

const Board& board_of(std::string_view profile) {
  const auto* at = std::ranges::find(kBoards, profile, &Board::profile);
  return at == kBoards.end() ? kBoards[1] : *at;
}

}  // namespace

bool share_a_device(const PlannedEngine& a, const PlannedEngine& b) {
  return std::ranges::any_of(a.slices, [&](const FloorSlice& x) {
    return std::ranges::any_of(b.slices, [&](const FloorSlice& y) { return x.kind == y.kind && x.index == y.index; });
  });
}

TwinFloorDevices::TwinFloorDevices(const FloorPlan& plan) {
  std::array<int, 2> next{};
  for (const FloorDevice& device : plan.spec.devices) {
    if (device.kind == FloorDeviceKind::kCpu) continue;
    const Board& board = board_of(device.profile);
    units_.push_back(Unit{.kind = device.kind,
                          .index = next[device.kind == FloorDeviceKind::kNpu ? 0 : 1]++,
                          .profile = device.profile,
                          .device = TwinDevice(device.kind == FloorDeviceKind::kNpu ? 150 : board.limit_w, board.clock_mhz),
                          .empty_w = board.empty_w,
                          .limit_w = board.limit_w});
  }
}

Status TwinFloorDevices::make_tree(const std::string& folder) {
  const auto cards = std::ranges::count(units_, FloorDeviceKind::kNpu, &Unit::kind);
  ONDOL_TRY(tree_, RngdTree::create(folder, static_cast<int>(cards)));
  for (Unit& unit : units_) show(unit);
  return {};
}

void TwinFloorDevices::remove_tree() {
  if (!tree_) return;
  std::error_code ignored;
  const std::filesystem::path folder = tree_->path();
  for (const char* part : {"sys", "dev", ".scratch", ".ondol-rngd-tree"}) std::filesystem::remove_all(folder / part, ignored);
  std::filesystem::remove(folder, ignored);  // if nothing else is in it
  tree_.reset();
}

void TwinFloorDevices::advance(const std::vector<std::unique_ptr<TwinEngineRun>>& runs, double seconds) {
  for (Unit& unit : units_) {
    const TwinDeviceInput input = gather(unit, runs);
    if (!unit.lost) unit.device.advance(input, seconds);
    ++unit.heartbeat;
    show(unit);
  }
}

// What the engines add to an empty device's power, each its share of its devices.
TwinDeviceInput TwinFloorDevices::gather(Unit& unit, const std::vector<std::unique_ptr<TwinEngineRun>>& runs) const {
  TwinDeviceInput input{.power_w = unit.empty_w};
  unit.lost = unit.garbled = false;
  unit.leased.fill(false);
  for (const auto& run : runs) {
    const PlannedEngine& plan = run->plan();
    const auto slice = std::ranges::find_if(plan.slices, [&](const FloorSlice& s) { return s.kind == unit.kind && s.index == unit.index; });
    if (slice == plan.slices.end()) continue;
    const TwinLoad load = run->load();
    unit.lost = unit.lost || load.fault == TwinFault::Kind::kLost;
    unit.garbled = unit.garbled || load.fault == TwinFault::Kind::kGarbage;
    input.throttled = input.throttled || load.fault == TwinFault::Kind::kThrottle;
    if (!run->serving()) continue;
    const auto units = static_cast<double>(plan.slices.size());
    const int pes = slice->last_pe - slice->first_pe + 1;
    input.power_w += std::max(0.0, load.power_w / units - unit.empty_w);
    input.busy += load.busy * (unit.kind == FloorDeviceKind::kNpu ? pes / 8.0 : 1.0);
    for (int pe = slice->first_pe; pe <= slice->last_pe; ++pe) unit.leased[static_cast<size_t>(pe)] = true;
  }
  input.power_w = std::min(input.power_w, unit.limit_w);
  return input;
}

void TwinFloorDevices::show(Unit& unit) {
  if (!tree_ || unit.kind != FloorDeviceKind::kNpu) return;
  const auto put = [&]() -> Status {
    if (unit.lost) {
      if (const Status removed = tree_->remove(unit.index); !removed && removed.error().code != Code::kNotFound) return removed;
      return {};
    }
    ONDOL_TRY_STATUS(tree_->restore(unit.index));
    if (unit.garbled) return tree_->garble(unit.index);
    RngdState state;
    if (const auto controls = tree_->controls(unit.index)) {
      unit.limit_w = controls->power_limit_w.value_or(unit.limit_w);
      state.governor = controls->governor.value_or(state.governor);
    }
    state.power_w = unit.device.power_w();
    state.power_limit_w = unit.limit_w;
    state.peak_c = unit.device.peak_c();
    state.ambient_c = TwinDevice::kInletC;
    state.throttle_bits = (unit.device.throttled() ? kThermalBit : 0) | (state.power_w >= unit.limit_w ? kPowerCapBit : 0);
    state.clock_mhz = unit.device.clock_mhz();
    state.heartbeat = unit.heartbeat / 10;
    for (size_t pe = 0; pe < state.pes.size(); ++pe) {
      state.pes[pe].occupied = unit.leased[pe];
      state.pes[pe].cycles = unit.device.cycles();
      state.pes[pe].task_cycles = unit.device.task_cycles();
      if (unit.leased[pe])
        state.pes[pe].memory_used_bytes = static_cast<uint64_t>(kReserved * static_cast<double>(RngdTree::kPeMemoryBytes));
    }
    return tree_->update(unit.index, state);
  };
  const Status shown = put();
  if (!shown && !std::exchange(complained_, true)) spdlog::warn("the tree of the twin NPUs is out of date: {}", shown.error().message);
}

std::vector<DeviceSnapshot> TwinFloorDevices::gpus() const {
  std::vector<DeviceSnapshot> out;
  for (const Unit& unit : units_)
    if (unit.kind == FloorDeviceKind::kGpu && !unit.lost) out.push_back(snapshot(unit));
  return out;
}

DeviceSnapshot TwinFloorDevices::snapshot(const Unit& unit) const {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  const Board& board = board_of(unit.profile);
  DeviceSnapshot out;
  out.kind = DeviceKind::kNvidia;
  out.name = fmt::format("gpu{}", unit.index);
  out.uuid = out.id = fmt::format("GPU-7477696e-6f6e-4f4c-8000-{:012x}", unit.index);
  out.product = board.product;
  if (unit.garbled) {
    out.unhealthy = "its telemetry is unreadable";
    return out;
  }
  const bool leased = unit.leased[0];
  out.power_w = unit.device.power_w();
  out.power_limit_w = unit.limit_w;
  out.energy_j = unit.device.energy_j();
  out.temperatures_c["gpu"] = unit.device.peak_c();
  if (unit.device.throttled()) out.throttle_reasons.push_back("thermal");
  out.utilization = std::min(1.0, unit.device.busy());
  out.clock_mhz = unit.device.clock_mhz();
  out.memory_total_bytes = static_cast<uint64_t>(board.memory_gib * kGib);
  out.memory_used_bytes = leased ? static_cast<uint64_t>(kReserved * board.memory_gib * kGib) : 0;
  return out;
}

}  // namespace ondol
