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
// FuriosaAI calls powersave "statically the lowest" clock and does not say how low: an assumption.
constexpr double kPowersaveClock = 0.75;

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

const FloorSlice* slice_on(const PlannedEngine& plan, FloorDeviceKind kind, int index) {
  const auto at = std::ranges::find_if(plan.slices, [&](const FloorSlice& s) { return s.kind == kind && s.index == index; });
  return at == plan.slices.end() ? nullptr : &*at;
}

int pes_of(const FloorSlice& slice) { return slice.last_pe - slice.first_pe + 1; }

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
                          .board_limit_w = board.limit_w});
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

void TwinFloorDevices::advance(const Runs& runs, double seconds) {
  for (Unit& unit : units_) read_controls(unit);
  look(runs);
  set_limits(runs);
  for (Unit& unit : units_) {
    const TwinDeviceInput input = gather(unit, runs);
    if (!unit.lost) unit.device.advance(input, seconds);
    ++unit.heartbeat;
    show(unit);
  }
}

void TwinFloorDevices::read_controls(Unit& unit) const {
  if (!tree_ || unit.kind != FloorDeviceKind::kNpu) return;
  const auto controls = tree_->controls(unit.index);
  if (!controls) return;
  unit.limit_w = controls->power_limit_w.value_or(unit.limit_w);
  unit.governor = controls->governor.value_or(unit.governor);
}

// The mean since the last look, so that a device draws what its engines count; at the start of an engine what it draws at the moment.
void TwinFloorDevices::look(const Runs& runs) {
  now_.resize(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    const TwinLoad load = runs[i]->load();
    const double joules = load.energy_j - now_[i].load.energy_j, seconds = load.time_s - now_[i].load.time_s;
    now_[i] = {load, joules >= 0 && seconds > 0 ? joules / seconds : load.power_w};
  }
}

// Only what was lowered limits an engine: under the board's own limit its profile was measured. The tightest card sets the pace of all.
void TwinFloorDevices::set_limits(const Runs& runs) const {
  for (const auto& run : runs) {
    TwinLimits limits;
    const std::vector<FloorSlice>& slices = run->plan().slices;
    for (const Unit& unit : units_) {
      const FloorSlice* slice = slice_on(run->plan(), unit.kind, unit.index);
      if (slice == nullptr) continue;
      if (unit.governor == "powersave") limits.clock = kPowersaveClock;
      if (unit.limit_w >= unit.board_limit_w) continue;
      const double watts = headroom_w(unit, runs) * pes_of(*slice);
      limits.dynamic_w = std::min(limits.dynamic_w, watts * static_cast<double>(slices.size()));
    }
    run->limit(limits);
  }
}

// What the limit leaves each PE that an engine has, above what the card draws while they idle.
double TwinFloorDevices::headroom_w(const Unit& unit, const Runs& runs) const {
  double idle_w = unit.empty_w;
  int pes = 0;
  for (const auto& run : runs) {
    const FloorSlice* slice = slice_on(run->plan(), unit.kind, unit.index);
    if (slice == nullptr) continue;
    pes += pes_of(*slice);
    const double share_w = run->plan().options.cost.idle_power_w() / static_cast<double>(run->plan().slices.size());
    idle_w += std::max(0.0, share_w - unit.empty_w);
  }
  return std::max(0.0, unit.limit_w - idle_w) / std::max(1, pes);
}

// What the engines add to an empty device's power, each its share of its devices.
TwinDeviceInput TwinFloorDevices::gather(Unit& unit, const Runs& runs) const {
  TwinDeviceInput input{.power_w = unit.empty_w, .clock = unit.governor == "powersave" ? kPowersaveClock : 1.0};
  unit.lost = unit.garbled = unit.capped = false;
  unit.leased.fill(false);
  for (size_t i = 0; i < runs.size(); ++i) {
    const PlannedEngine& plan = runs[i]->plan();
    const FloorSlice* slice = slice_on(plan, unit.kind, unit.index);
    if (slice == nullptr) continue;
    const auto& [load, power_w] = now_[i];
    unit.lost = unit.lost || load.fault == TwinFault::Kind::kLost;
    unit.garbled = unit.garbled || load.fault == TwinFault::Kind::kGarbage;
    input.throttled = input.throttled || load.fault == TwinFault::Kind::kThrottle;
    if (!runs[i]->serving()) continue;
    unit.capped = unit.capped || load.capped;
    input.power_w += std::max(0.0, power_w / static_cast<double>(plan.slices.size()) - unit.empty_w);
    input.busy += load.busy * (unit.kind == FloorDeviceKind::kNpu ? pes_of(*slice) / 8.0 : 1.0);
    for (int pe = slice->first_pe; pe <= slice->last_pe; ++pe) unit.leased[static_cast<size_t>(pe)] = true;
  }
  input.power_w = std::min(input.power_w, unit.board_limit_w);
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
    state.governor = unit.governor;
    state.power_w = unit.device.power_w();
    state.power_limit_w = unit.limit_w;
    state.peak_c = unit.device.peak_c();
    state.ambient_c = TwinDevice::kInletC;
    state.throttle_bits = (unit.device.throttled() ? kThermalBit : 0) | (unit.capped ? kPowerCapBit : 0);
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

std::vector<TwinDeviceEnergy> TwinFloorDevices::energy() const {
  std::vector<TwinDeviceEnergy> out;
  for (const Unit& unit : units_) {
    const char* const kind = unit.kind == FloorDeviceKind::kNpu ? "npu" : "gpu";
    out.push_back({fmt::format("{}{}", kind, unit.index), unit.device.energy_j(), unit.device.time_s()});
  }
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
