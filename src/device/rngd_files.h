// What the RNGD driver's files in sysfs mean: text in, values out, one function for each format.
//
// Pure functions over at most kMaxSysFile bytes; any thread. Formats: those that the maker's own SMI libraries (furiosa-smi-py 2026.1.2,
// furiosa-smi 2026.4.0) accept of a fabricated tree, and FuriosaAI's documentation. Errors (kDataLoss) quote what was found; the caller
// puts the file's name in front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

// More processing elements than any card has (8 on RNGD), so that a file cannot grow the process.
inline constexpr size_t kMaxRngdPes = 64;

// "2026.3.0, 5a2b9c1" or "2026.3.0~rc1, 5a2b9c1".
struct RngdVersion {
  int major = 0, minor = 0, patch = 0;
  std::string prerelease, metadata;
  std::string text() const;  // as semantic versioning writes it: "2026.3.0-rc1+5a2b9c1"
};
Result<RngdVersion> parse_rngd_version(std::string_view text);

// npu_clocks: a line per PE with the core clock in Hz; the result is in MHz. The tensor unit runs at half of it.
Result<std::vector<double>> parse_rngd_clocks(std::string_view text);

// pe_occupancy: a line per PE, 0 free or 1 occupied.
Result<std::vector<bool>> parse_rngd_occupancy(std::string_view text);

// alloc_status of a PE: "dram_capacity: 0x..." and three more lines, in bytes, hexadecimal. All four are needed; others are passed over.
struct RngdMemory {
  uint64_t dram_total = 0, dram_used = 0, shared_total = 0, shared_used = 0;
};
Result<RngdMemory> parse_rngd_memory(std::string_view text);

// metrics of a PE: "CycleCount: 0x..." and "TaskCycleCount: 0x...".
struct RngdCounters {
  uint64_t cycles = 0, task_cycles = 0;
};
Result<RngdCounters> parse_rngd_counters(std::string_view text);

// Hexadecimal with or without 0x, at most 64 bits.
Result<uint64_t> parse_rngd_hex(std::string_view text);

// A decimal number from `min` to `max`.
Result<int64_t> parse_rngd_number(std::string_view text, int64_t min, int64_t max);

// One word or line of printable ASCII, 1 to 95 characters (the maker's own limit): uuid, serial, governor.
Result<std::string> parse_rngd_text(std::string_view text);

// What slows the clocks. The bits up to 0x40 are the same in both tables that the maker has published; 0x80 is "other" in the older one,
// and "governor clock cap" in the newer one, where "other" is 0x100. kUnknown names both.
enum class RngdThrottleTable { kOld, kNew, kUnknown };
std::vector<std::string> rngd_throttle_reasons(uint64_t bits, RngdThrottleTable table);
// By the driver's version: the newer table came with 2026.4.
RngdThrottleTable rngd_throttle_table(const std::optional<RngdVersion>& driver);

// A name in /dev/rngd, or in /sys/class/rngd_mgmt behind "rngd!": "npu0mgmt", "npu0_mgmt" (older drivers), "npu0pe4-7", "npu0ch3r".
struct RngdNodeName {
  int card = 0;
  std::string_view part;            // "mgmt", "pe4-7", "ch3r"; of the argument
  int first_pe = -1, last_pe = -1;  // only of "peN" and "peN-M"
};
std::optional<RngdNodeName> parse_rngd_node_name(std::string_view name);

// "0000:3b:00.0", lower-case.
bool is_pci_address(std::string_view text);

// "32.0 GT/s PCIe" -> 32; empty for "Unknown" and all else.
std::optional<double> parse_link_speed(std::string_view text);

// A line of debugfs' sensor_readings, "2: HBM0 41.5": the sensor's number and its last figure. Empty if it has another form.
struct RngdSensorLine {
  int sensor = 0;
  double value = 0;
};
std::optional<RngdSensorLine> parse_rngd_sensor_line(std::string_view line);

}  // namespace ondol
