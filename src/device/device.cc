#include "device/device.h"

namespace ondol {

std::string_view device_kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kRngd: return "rngd";
    case DeviceKind::kNvidia: return "nvidia";
    case DeviceKind::kRebellions: return "rebellions";
    case DeviceKind::kCpu: return "cpu";
  }
  return "cpu";
}

}  // namespace ondol
