// How the devices that an engine is pinned to do, by what was read of this machine's devices.
//
// Value types and pure functions. Any thread. Bounded by the readers (device.h).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "device/device.h"
#include "node/declared.h"

namespace ondol {

// One reading, and the kinds that any reading so far has shown: what is missing of those has gone. Of a kind that was never seen (no
// driver, no library) nothing is known, and the engine finds out for itself.
struct DeviceView {
  std::vector<DeviceSnapshot> devices;
  std::set<DeviceKind> kinds;
};

enum class DeviceStanding { kUnknown, kWell, kUnhealthy, kGone };
std::string_view device_standing_name(DeviceStanding standing);  // "unknown", "well", "unhealthy", "gone"

struct PinnedDevice {
  std::string device;  // as declared: "npu:3:0-3"
  DeviceStanding standing = DeviceStanding::kUnknown;
  std::string reason;  // "npu3 is unhealthy: ...", "npu3 is not there; this machine has npu0, npu1"
};

// Of each NPU and GPU that the engine names.
std::vector<PinnedDevice> pinned_devices(const DeclaredEngine& engine, const DeviceView& view);

// Why the engine cannot start on its devices now; none if it can.
std::optional<std::string> device_trouble(const DeclaredEngine& engine, const DeviceView& view);
// Which of its devices is not there; none if all are, or nothing is known.
std::optional<std::string> missing_device(const DeclaredEngine& engine, const DeviceView& view);

}  // namespace ondol
