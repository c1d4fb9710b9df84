#include "device/rngd_reader_card.h"

#include <unistd.h>

#include <algorithm>
#include <limits>

#include "device/rngd_attribute.h"

namespace ondol {
namespace {

constexpr double kTensorClockShare = 0.5;  // of the core clock, always (furiosa-smi 2026.4.0)

// Parsers with their limits: what no sensor of a card in order can say is taken for garbage.
Result<double> parse_microwatts(std::string_view text) {
  ONDOL_TRY(const int64_t value, parse_rngd_number(text, 0, 2'000'000'000));
  return static_cast<double>(value) / 1e6;
}
Result<double> parse_millidegrees(std::string_view text) {
  ONDOL_TRY(const int64_t value, parse_rngd_number(text, -100'000, 250'000));
  return static_cast<double>(value) / 1e3;
}
Result<int64_t> parse_width(std::string_view text) { return parse_rngd_number(text, 0, 255); }
Result<int64_t> parse_counter(std::string_view text) { return parse_rngd_number(text, 0, std::numeric_limits<int64_t>::max()); }

// Who it is, read each time: numbers are given anew when the driver is loaded again, and then npu0 is another card.
void read_identity(const RngdCard& card, RngdReading& reading) {
  DeviceSnapshot& device = reading.device;
  if (card.management.empty()) return;
  device.uuid = read_attribute(card.management + "/device_uuid", reading.problems, parse_rngd_text).value_or("");
  if (device.uuid.empty()) {
    device.serial = read_attribute(card.management + "/device_sn", reading.problems, parse_rngd_text).value_or("");
  }
  if (device.uuid.empty() && device.serial.empty()) reading.reachable = ::access(card.management.c_str(), F_OK) == 0;
}

// What is known of liveness, and what is not: FuriosaAI's documentation and tools read device_state "1" as alive; both of its SMI libraries
// (2026.1.2 and 2026.4.0) take "0" for alive and everything else for dead. Nobody has shown which of the two a card writes. So device_state
// decides nothing as long as it is one of them, and any other value is a fault in both readings. The attribute `alive` has one meaning (1
// is alive), and decides where it exists; where it does not, the heartbeat does (see the reader, which knows whether it moves).
void read_liveness(const RngdCard& card, RngdReading& reading) {
  std::map<std::string, std::string>& details = reading.device.details;
  const auto text = [&](const char* name) {
    const auto value = read_attribute(card.management + "/" + name, reading.problems, parse_rngd_text);
    if (value) details[name] = *value;
    return value;
  };
  if (const auto alive = text("alive")) {
    if (*alive == "1" || *alive == "0") reading.alive = *alive == "1";
    if (!reading.alive) reading.problems.push_back("alive: " + quoted(*alive, 40) + " is neither 0 nor 1");
  }
  const auto state = text("device_state");
  if (state && *state != "0" && *state != "1") reading.problems.push_back("device_state is " + quoted(*state, 40));
  text("atr_error");
  reading.heartbeat = read_attribute(card.management + "/heartbeat", reading.problems, parse_counter);
  if (reading.heartbeat) details["heartbeat"] = std::to_string(*reading.heartbeat);
}

void read_sensors(const RngdCard& card, RngdReading& reading) {
  DeviceSnapshot& device = reading.device;
  if (!card.sensors.power.empty()) {
    device.power_w = read_attribute(card.sensors.power, reading.problems, parse_microwatts);
    device.power_limit_w = read_attribute(card.sensors.power_limit, reading.problems, parse_microwatts);
    reading.moved = !device.power_w;
  }
  for (const auto& [name, path] : card.sensors.temperatures) {
    if (const auto degrees = read_attribute(path, reading.problems, parse_millidegrees)) device.temperatures_c.emplace(name, *degrees);
  }
}

// debugfs has the sensors, too: 1 SoC, 2 and 3 HBM in degrees, 4 power in watts. Its form is not documented further, so it is asked only
// where hwmon says nothing, and a line of another form is passed over.
void read_debug_sensors(const RngdCard& card, RngdReading& reading) {
  DeviceSnapshot& device = reading.device;
  if (device.power_w || !device.temperatures_c.empty() || card.debugfs.empty()) return;
  const Result<std::string> text = read_sys_file(card.debugfs + "/sensor_readings");
  if (!text) return;
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const auto line = parse_rngd_sensor_line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line || line->value < 0 || line->value > (line->sensor == 4 ? 2000 : 250)) continue;
    switch (line->sensor) {
      case 1: device.temperatures_c["soc"] = line->value; break;
      case 2: device.temperatures_c["hbm0"] = line->value; break;
      case 3: device.temperatures_c["hbm1"] = line->value; break;
      case 4: device.power_w = line->value; break;
      default: break;
    }
  }
}

void read_state(const RngdCard& card, RngdReading& reading) {
  DeviceSnapshot& device = reading.device;
  device.governor = read_attribute(card.management + "/npu_governor", reading.problems, parse_rngd_text);
  if (const auto bits = read_attribute(card.management + "/throttle_reason", reading.problems, parse_rngd_hex)) {
    device.throttle_reasons = rngd_throttle_reasons(*bits, rngd_throttle_table(card.driver));
    reading.throttle_known = true;
  }
}

void read_link(const RngdCard& card, RngdReading& reading) {
  DeviceSnapshot& device = reading.device;
  if (!device.pcie) return;
  const auto width = read_attribute(card.pci + "/current_link_width", reading.problems, parse_width);
  if (width && *width > 0 && *width < 255) device.pcie->width = static_cast<int>(*width);
  if (const auto speed = read_attribute(card.pci + "/current_link_speed", reading.problems, parse_rngd_text)) {
    device.pcie->speed_gts = parse_link_speed(*speed);
  }
  const bool tells = device.pcie->width || device.pcie->max_width || device.pcie->speed_gts || device.pcie->max_speed_gts;
  if (!tells) device.pcie.reset();
}

// The core of that number, made if need be; the list is in order.
DeviceCore& core_of(std::vector<DeviceCore>& cores, int index) {
  const auto at = std::ranges::lower_bound(cores, index, {}, &DeviceCore::index);
  if (at != cores.end() && at->index == index) return *at;
  DeviceCore core;
  core.index = index;
  return *cores.insert(at, core);
}

// The lists have a line for each PE, in their order; another number of lines cannot be matched to PEs.
void read_core_lists(const RngdCard& card, RngdReading& reading) {
  std::vector<DeviceCore>& cores = reading.device.cores;
  const auto clocks = read_attribute(card.management + "/npu_clocks", reading.problems, parse_rngd_clocks);
  const auto occupied = read_attribute(card.management + "/pe_occupancy", reading.problems, parse_rngd_occupancy);
  const auto fits = [&](const char* name, size_t lines) {
    if (card.pes.empty() || card.pes.size() == lines) return true;
    reading.problems.push_back(std::string(name) + ": " + std::to_string(lines) + " lines for " + std::to_string(card.pes.size()) + " PEs");
    return false;
  };
  const auto index_of = [&](size_t line) { return card.pes.empty() ? static_cast<int>(line) : card.pes[line].index; };
  if (clocks && fits("npu_clocks", clocks->size())) {
    for (size_t i = 0; i < clocks->size(); ++i) {
      DeviceCore& core = core_of(cores, index_of(i));
      core.clock_mhz = (*clocks)[i];
      core.tensor_clock_mhz = (*clocks)[i] * kTensorClockShare;
    }
  }
  if (occupied && fits("pe_occupancy", occupied->size())) {
    for (size_t i = 0; i < occupied->size(); ++i) core_of(cores, index_of(i)).occupied = (*occupied)[i];
  }
}

// The memory of a PE is its DRAM and its share of the shared DRAM, as furiosa-smi 2026.4.0 counts it. The maker's libraries do not read
// the files of a PE that nobody occupies and call it empty; here they are read, but a fault in them is then no fault of the card.
void read_core_files(const RngdCard& card, RngdReading& reading) {
  for (const RngdPePaths& pe : card.pes) {
    DeviceCore& core = core_of(reading.device.cores, pe.index);
    std::vector<std::string> problems;
    if (const auto memory = read_attribute(pe.alloc_status, problems, parse_rngd_memory)) {
      core.memory_total_bytes = memory->dram_total + memory->shared_total;
      core.memory_used_bytes = memory->dram_used + memory->shared_used;
    }
    if (const auto counters = read_attribute(pe.metrics, problems, parse_rngd_counters)) {
      core.cycles = counters->cycles;
      core.task_cycles = counters->task_cycles;
    }
    if (core.occupied == false) continue;
    for (const std::string& problem : problems) reading.problems.push_back("PE " + std::to_string(pe.index) + " " + problem);
  }
}

// Sums and means of the cores; a sum only if every core has a part in it.
void sum_up(DeviceSnapshot& device) {
  const auto sum = [&](std::optional<uint64_t> DeviceCore::* field, int first, int last) -> std::optional<uint64_t> {
    uint64_t total = 0;
    int found = 0;
    for (const DeviceCore& core : device.cores) {
      if (core.index < first || core.index > last) continue;
      if (!(core.*field)) return std::nullopt;
      total += *(core.*field);
      ++found;
    }
    return found == 0 ? std::nullopt : std::optional(total);
  };
  constexpr int kAll = static_cast<int>(kMaxRngdPes);
  device.memory_total_bytes = sum(&DeviceCore::memory_total_bytes, 0, kAll);
  device.memory_used_bytes = sum(&DeviceCore::memory_used_bytes, 0, kAll);
  for (DevicePart& part : device.parts) {
    part.memory_total_bytes = sum(&DeviceCore::memory_total_bytes, part.first_core, part.last_core);
    part.memory_used_bytes = sum(&DeviceCore::memory_used_bytes, part.first_core, part.last_core);
  }
  double clocks = 0;
  int clocked = 0;
  for (const DeviceCore& core : device.cores) {
    clocks += core.clock_mhz.value_or(0);
    clocked += core.clock_mhz.has_value();
  }
  if (clocked > 0) device.clock_mhz = clocks / clocked;
}

}  // namespace

RngdReading read_rngd_card(const RngdCard& card) {
  RngdReading reading;
  reading.device = card.fixed;
  reading.problems = card.problems;
  read_identity(card, reading);
  if (!reading.reachable) return reading;
  if (!card.management.empty()) {
    read_liveness(card, reading);
    read_state(card, reading);
    read_core_lists(card, reading);
  }
  read_core_files(card, reading);
  read_sensors(card, reading);
  read_debug_sensors(card, reading);
  read_link(card, reading);
  sum_up(reading.device);
  return reading;
}

}  // namespace ondol
