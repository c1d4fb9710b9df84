// Which RNGD cards there are, and where each one's files lie: the part of reading them that walks folders, done only when something came,
// went or failed.
//
// Pure functions over the file system; any thread. Bounded: DeviceReader::kMaxDevices cards, kMaxRngdPes PEs and kMaxRngdNodes device files
// each, kMaxSysFile bytes a file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device/device.h"
#include "device/rngd_files.h"

namespace ondol {

inline constexpr size_t kMaxRngdNodes = 128;

struct RngdPePaths {
  int index = 0;
  std::string alloc_status, metrics;
};

// Paths; empty where there is no such sensor.
struct RngdSensorPaths {
  std::string power, power_limit;                                 // microwatts
  std::vector<std::pair<std::string, std::string>> temperatures;  // name, file; millidegrees
};

struct RngdCard {
  std::string name;        // "npu0"; the PCI address of a card that the driver has not named
  int number = -1;         // N of npuN
  std::string management;  // folder of the management node's attributes; empty: there is none
  std::string pci;         // folder of the PCI device; empty: unknown
  std::string debugfs;     // folder; need not exist
  std::vector<RngdPePaths> pes;
  RngdSensorPaths sensors;
  std::optional<RngdVersion> driver;
  // What does not change while it is there: identity, versions, nodes, parts, limits of the PCI link, details.
  DeviceSnapshot fixed;
  // What could not be read or understood.
  std::vector<std::string> problems;
};

// By number, then cards without one by PCI address.
std::vector<RngdCard> scan_rngd_cards(const std::string& sysroot);

// Changes when a card, a PE, a device node or a PCI device comes or goes.
uint64_t rngd_fingerprint(const std::string& sysroot);

}  // namespace ondol
