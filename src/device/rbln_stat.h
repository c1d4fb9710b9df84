// What Rebellions' `rbln-stat --json` says.
//
// Pure function; any thread. Bounded: kMaxBytes of text, a depth of 16, DeviceReader::kMaxDevices devices, kMaxContexts contexts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace ondol {

struct RblnReport {
  static constexpr size_t kMaxBytes = 4 << 20, kMaxContexts = 4096;
  std::string driver_version;
  // One for each NPU. A card with several NPUs (ATOM-Max: four) repeats the card's power at each of them: the first of a serial number
  // keeps it, so that a sum over devices counts a card once.
  std::vector<DeviceSnapshot> devices;
};

// kInvalidArgument (not the JSON of that tool), kPayloadTooLarge. A device or context without sense is left out, a field is left empty.
Result<RblnReport> parse_rbln_stat(std::string_view json);

}  // namespace ondol
