#include "device/rngd_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace ondol {
namespace {

constexpr size_t kMaxProblems = 3;  // said in full; the rest is counted

std::string without_slash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

std::string joined(std::vector<std::string> problems) {
  std::vector<std::string> distinct;
  for (std::string& problem : problems) {
    if (std::ranges::find(distinct, problem) == distinct.end()) distinct.push_back(std::move(problem));
  }
  std::string text;
  for (size_t i = 0; i < std::min(distinct.size(), kMaxProblems); ++i) text += (i == 0 ? "" : "; ") + distinct[i];
  if (distinct.size() > kMaxProblems) text += "; and " + std::to_string(distinct.size() - kMaxProblems) + " more";
  return text;
}

// Who it is, without how it does.
DeviceSnapshot identity_of(const DeviceSnapshot& device) {
  DeviceSnapshot identity;
  identity.kind = device.kind;
  identity.id = device.id;
  identity.name = device.name;
  identity.product = device.product;
  identity.uuid = device.uuid;
  identity.serial = device.serial;
  identity.bdf = device.bdf;
  return identity;
}

std::string place(const DeviceSnapshot& device) { return device.name + (device.bdf.empty() ? "" : " at " + device.bdf); }

// Busy cycles over cycles since the previous reading. A counter that went back began anew: nothing can be said of this interval.
std::optional<double> busy_share(const RngdCounters& before, const RngdCounters& now, bool occupied) {
  if (now.cycles < before.cycles || now.task_cycles < before.task_cycles) return std::nullopt;
  const uint64_t cycles = now.cycles - before.cycles;
  // Counters that stand still tell of a PE that sleeps only if nobody holds it.
  if (cycles == 0) return occupied ? std::nullopt : std::optional(0.0);
  return std::min(1.0, static_cast<double>(now.task_cycles - before.task_cycles) / static_cast<double>(cycles));
}

void fill_from(const FuriosaSmiDevice& answer, RngdReading& reading) {
  DeviceSnapshot& device = reading.device;
  // Its liveness is its reading of device_state, whose meaning is in doubt (see rngd_reader_card.cc): told, not believed.
  if (!reading.alive && answer.alive) device.details["furiosa_smi_alive"] = *answer.alive ? "1" : "0";
  if (!device.power_w) device.power_w = answer.power_w;
  if (device.temperatures_c.empty()) {
    if (answer.peak_c) device.temperatures_c["peak"] = *answer.peak_c;
    if (answer.ambient_c) device.temperatures_c["ambient"] = *answer.ambient_c;
  }
  if (!device.governor) device.governor = answer.governor;
  if (!reading.throttle_known && answer.throttle_bits) {
    device.throttle_reasons = rngd_throttle_reasons(*answer.throttle_bits, RngdThrottleTable::kUnknown);
  }
}

}  // namespace

RngdReader::RngdReader(const DeviceReaderOptions& options, const Clock& clock) : sysroot_(without_slash(options.sysroot)), clock_(clock) {
  // The library knows only the paths of the machine itself.
  if (!options.vendor_libraries || !sysroot_.empty()) return;
  Result<FuriosaSmi> library = FuriosaSmi::open();
  library_state_ = library ? std::string(FuriosaSmi::kLibrary) : library.error().code == Code::kNotFound ? "" : library.error().message;
  if (library) library_ = std::move(*library);
}

std::string RngdReader::source() const {
  const std::string folder = sysroot_ + "/sys/class/rngd_mgmt";
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) return folder + " is not there: the RNGD driver is not loaded";
  return "sysfs at " + sysroot_ + "/sys" + (library_state_.empty() ? "" : ", " + library_state_);
}

bool RngdReader::scan_if_needed() {
  const uint64_t fingerprint = rngd_fingerprint(sysroot_);
  if (fingerprint_ == fingerprint) return false;
  cards_ = scan_rngd_cards(sysroot_);
  fingerprint_ = fingerprint;
  return true;
}

// Gives each card its id: uuid, else serial, else PCI address, else name; the first of them that no other card has as well. What cannot be
// read now is taken from the previous reading of the card in the same place, so that a card keeps its id while its files are garbage.
void RngdReader::identify(std::vector<RngdReading>& readings) const {
  const auto claimed = [&](const std::string& uuid) {
    return std::ranges::any_of(readings, [&](const RngdReading& other) { return other.device.uuid == uuid; });
  };
  for (RngdReading& reading : readings) {
    DeviceSnapshot& device = reading.device;
    if (!device.uuid.empty()) continue;
    for (const auto& [id, seen] : seen_) {
      const DeviceSnapshot& before = seen.identity;
      const bool same_place = device.bdf.empty() || before.bdf.empty() ? before.name == device.name : before.bdf == device.bdf;
      const bool other_serial = !device.serial.empty() && !before.serial.empty() && device.serial != before.serial;
      if (!same_place || other_serial || (!before.uuid.empty() && claimed(before.uuid))) continue;
      device.uuid = before.uuid;
      if (device.serial.empty()) device.serial = before.serial;
      if (device.bdf.empty()) device.bdf = before.bdf;
      break;
    }
  }
  const auto count = [&](std::string DeviceSnapshot::* field, const std::string& value) {
    return std::ranges::count_if(readings, [&](const RngdReading& other) { return other.device.*field == value; });
  };
  for (RngdReading& reading : readings) {
    DeviceSnapshot& device = reading.device;
    device.id = device.name;
    for (const auto field : {&DeviceSnapshot::uuid, &DeviceSnapshot::serial, &DeviceSnapshot::bdf}) {
      const std::string& value = device.*field;
      if (value.empty()) continue;
      if (count(field, value) == 1) {
        device.id = value;
        break;
      }
      reading.problems.push_back("another card says that it is " + quoted(value) + ", too");
    }
  }
}

// Fills what sysfs leaves open, and holds the two against each other after each scan; asking it each time would cost more than the files.
void RngdReader::ask_library(std::vector<RngdReading>& readings, bool scanned) const {
  const auto lacks = [](const RngdReading& reading) {
    const DeviceSnapshot& device = reading.device;
    return !reading.alive || !reading.throttle_known || !device.power_w || device.temperatures_c.empty() || !device.governor;
  };
  if (!library_ || readings.empty() || (!scanned && !std::ranges::any_of(readings, lacks))) return;
  const std::vector<FuriosaSmiDevice> answers = library_->read();
  for (RngdReading& reading : readings) {
    DeviceSnapshot& device = reading.device;
    const auto answer = std::ranges::find(answers, device.bdf, &FuriosaSmiDevice::bdf);
    if (answer == answers.end()) continue;
    if (!device.uuid.empty() && !answer->uuid.empty() && device.uuid != answer->uuid) {
      reading.problems.push_back("libfuriosa_smi gives its uuid as " + quoted(answer->uuid));
      continue;
    }
    fill_from(*answer, reading);
  }
}

void RngdReader::check_heartbeat(RngdReading& reading, const Seen* before, Seen& now) const {
  now.heartbeat = reading.heartbeat;
  now.heartbeat_us = clock_.now_us();
  if (before == nullptr || !reading.heartbeat || !before->heartbeat) return;
  if (*reading.heartbeat != *before->heartbeat) {
    now.heartbeat_moves = true;
    return;
  }
  now.heartbeat_moves = before->heartbeat_moves;
  now.heartbeat_us = before->heartbeat_us;
  const int64_t still_us = clock_.now_us() - before->heartbeat_us;
  if (now.heartbeat_moves && still_us >= kHeartbeatLimitUs) {
    reading.problems.push_back("its heartbeat has stood still for " + std::to_string(still_us / 1'000'000) + " s: the card may hang");
  }
}

// Fills what needs the previous reading, and says what the next one needs of this.
RngdReader::Seen RngdReader::compare(RngdReading& reading) const {
  DeviceSnapshot& device = reading.device;
  Seen now;
  now.identity = identity_of(device);
  const auto found = seen_.find(device.id);
  const Seen* before = found == seen_.end() ? nullptr : &found->second;
  if (before != nullptr) {
    const std::string& name = before->identity.name;
    if (name == device.name) {
      now.counters = before->counters;
    } else {
      reading.problems.push_back("renumbered: it was " + name + " until the previous reading; what is pinned to " + name +
                                 " now means another card");
    }
  }
  double busy = 0;
  int counted = 0, measured = 0;
  for (DeviceCore& core : device.cores) {
    if (!core.cycles || !core.task_cycles) continue;
    const RngdCounters counters{*core.cycles, *core.task_cycles};
    if (const auto last = now.counters.find(core.index); last != now.counters.end()) {
      core.utilization = busy_share(last->second, counters, core.occupied.value_or(true));
    }
    now.counters[core.index] = counters;
    ++counted;
    busy += core.utilization.value_or(0);
    measured += core.utilization.has_value();
  }
  // A mean without the PEs of which nothing is known would be of the idle ones.
  if (counted > 0 && measured == counted) device.utilization = busy / counted;
  check_heartbeat(reading, before, now);
  if (reading.alive == false) reading.problems.insert(reading.problems.begin(), "the driver says that it is not alive");
  device.unhealthy = joined(std::move(reading.problems));
  return now;
}

void RngdReader::add_vanished(const SeenById& now, std::vector<DeviceSnapshot>& devices) const {
  for (const auto& [id, seen] : seen_) {
    if (now.contains(id) || devices.size() == kMaxDevices) continue;
    // A card whose uuid could be read at last is still the same card.
    const DeviceSnapshot& before = seen.identity;
    const auto same = [&](const auto& entry) { return !before.bdf.empty() && entry.second.identity.bdf == before.bdf; };
    if (before.uuid.empty() && std::ranges::any_of(now, same)) continue;
    DeviceSnapshot device = before;
    device.unhealthy = "vanished: it was " + place(device) + " until the previous reading";
    devices.push_back(std::move(device));
  }
}

std::vector<DeviceSnapshot> RngdReader::read() {
  const bool scanned = scan_if_needed();
  std::vector<RngdReading> readings;
  for (const RngdCard& card : cards_) {
    RngdReading reading = read_rngd_card(card);
    if (reading.reachable) {
      readings.push_back(std::move(reading));
    } else {
      fingerprint_.reset();
    }
  }
  identify(readings);
  ask_library(readings, scanned);
  SeenById now;
  std::vector<DeviceSnapshot> devices;
  for (RngdReading& reading : readings) {
    Seen seen = compare(reading);
    // What failed may be elsewhere now: another hwmon number, another node.
    if (reading.moved || !reading.device.unhealthy.empty()) fingerprint_.reset();
    now[reading.device.id] = std::move(seen);
    devices.push_back(std::move(reading.device));
  }
  add_vanished(now, devices);
  seen_ = std::move(now);
  return devices;
}

std::unique_ptr<DeviceReader> make_rngd_reader(const DeviceReaderOptions& options) {
  static const SteadyClock clock;
  return std::make_unique<RngdReader>(options, clock);
}

}  // namespace ondol
