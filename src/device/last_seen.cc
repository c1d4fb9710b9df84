#include "device/last_seen.h"

#include <algorithm>

namespace ondol {

DeviceSnapshot identity_of(const DeviceSnapshot& device) {
  DeviceSnapshot who;
  who.kind = device.kind;
  who.id = device.id;
  who.name = device.name;
  who.product = device.product;
  who.uuid = device.uuid;
  who.serial = device.serial;
  who.bdf = device.bdf;
  return who;
}

void LastSeen::add_vanished(std::vector<DeviceSnapshot>& devices) {
  std::vector<DeviceSnapshot> now;
  for (const DeviceSnapshot& device : devices) now.push_back(identity_of(device));
  for (DeviceSnapshot& gone : last_) {
    const bool here = std::any_of(now.begin(), now.end(), [&](const DeviceSnapshot& device) { return device.id == gone.id; });
    if (here || devices.size() >= DeviceReader::kMaxDevices) continue;
    gone.unhealthy = "vanished: it was there in the last reading; see the kernel's log (dmesg) for its bus";
    devices.push_back(std::move(gone));
  }
  last_ = std::move(now);
}

}  // namespace ondol
