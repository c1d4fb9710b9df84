// Any bytes as the answer of rbln-stat: an error, or devices that can be told apart.
#include <cstddef>
#include <cstdint>

#include "device/rbln_stat.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto report = ondol::parse_rbln_stat({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  for (const ondol::DeviceSnapshot& device : report->devices) {
    if (device.id.empty() || device.name.empty()) __builtin_trap();
    if (device.power_w && !(*device.power_w >= 0)) __builtin_trap();
    if (device.utilization && !(*device.utilization >= 0 && *device.utilization <= 1)) __builtin_trap();
  }
  return 0;
}
