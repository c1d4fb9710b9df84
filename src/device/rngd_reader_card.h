// What one RNGD card says at this moment.
//
// Pure functions over the file system; any thread. Bounded by the card's paths: about 35 small files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "device/device.h"
#include "device/rngd_reader_scan.h"

namespace ondol {

struct RngdReading {
  DeviceSnapshot device;  // `unhealthy` is left to the reader, as is all that needs the previous reading
  std::vector<std::string> problems;
  // Whether the driver says that it is alive; empty: it does not say. See read_liveness in the source for what is known.
  std::optional<bool> alive;
  std::optional<int64_t> heartbeat;
  bool throttle_known = false;  // throttle_reasons are what a file says; empty means none
  bool moved = false;           // a sensor is no longer where the scan found it
  bool reachable = true;        // its management entry is still where the scan found it
};

RngdReading read_rngd_card(const RngdCard& card);

}  // namespace ondol
