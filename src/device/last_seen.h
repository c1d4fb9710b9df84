// Remembers who was there in the last reading, so that a device which has vanished is told of, once.
//
// Owner: a reader; one thread at a time. Bounded by DeviceReader::kMaxDevices.
#pragma once

#include <vector>

#include "device/device.h"

namespace ondol {

class LastSeen {
 public:
  // Adds those of the last reading that are not in `devices` (by id) as unhealthy, and remembers `devices` as they came.
  void add_vanished(std::vector<DeviceSnapshot>& devices);

 private:
  std::vector<DeviceSnapshot> last_;  // who they are, nothing else
};

// What does not change of a device: kind, id, names, addresses.
DeviceSnapshot identity_of(const DeviceSnapshot& device);

}  // namespace ondol
