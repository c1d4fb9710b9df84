#include "node/pinned_device.h"

#include <algorithm>

namespace ondol {
namespace {

constexpr size_t kMaxNamed = 16;  // devices in a message

std::string what_is_there(const DeviceView& view, DeviceKind kind) {
  std::string names;
  size_t count = 0;
  for (const DeviceSnapshot& device : view.devices) {
    if (device.kind != kind || ++count > kMaxNamed) continue;
    names += (names.empty() ? "" : ", ") + device.name;
  }
  if (count == 0) return "this machine has none now";
  return "this machine has " + names + (count > kMaxNamed ? " and " + std::to_string(count - kMaxNamed) + " more" : "");
}

PinnedDevice look_at(const std::string& name, const DevicePlace& place, const DeviceView& view) {
  const DeviceKind kind = place.type == "npu" ? DeviceKind::kRngd : DeviceKind::kNvidia;
  if (!view.kinds.contains(kind)) return {name, DeviceStanding::kUnknown, ""};
  const std::string own = place.type + std::to_string(place.card);  // "npu3": what its reader calls it
  const auto at = std::ranges::find_if(view.devices, [&](const DeviceSnapshot& d) { return d.kind == kind && d.name == own; });
  if (at == view.devices.end()) return {name, DeviceStanding::kGone, own + " is not there; " + what_is_there(view, kind)};
  if (!at->unhealthy.empty()) return {name, DeviceStanding::kUnhealthy, own + " is unhealthy: " + at->unhealthy};
  // A card that tells nothing of its PEs may have them all.
  if (!place.whole && !at->cores.empty() && place.last > at->cores.back().index) {
    return {name, DeviceStanding::kGone,
            own + " has no PE " + std::to_string(place.last) + "; its last one is " + std::to_string(at->cores.back().index)};
  }
  return {name, DeviceStanding::kWell, ""};
}

}  // namespace

std::string_view device_standing_name(DeviceStanding standing) {
  switch (standing) {
    case DeviceStanding::kUnknown: return "unknown";
    case DeviceStanding::kWell: return "well";
    case DeviceStanding::kUnhealthy: return "unhealthy";
    case DeviceStanding::kGone: return "gone";
  }
  return "unknown";
}

std::vector<PinnedDevice> pinned_devices(const DeclaredEngine& engine, const DeviceView& view) {
  std::vector<PinnedDevice> out;
  for (const std::string& device : engine.devices) {
    const auto place = parse_device(device);
    if (place && place->type != "cpu") out.push_back(look_at(device, *place, view));
  }
  return out;
}

std::optional<std::string> device_trouble(const DeclaredEngine& engine, const DeviceView& view) {
  for (PinnedDevice& device : pinned_devices(engine, view)) {
    if (!device.reason.empty()) return std::move(device.reason);
  }
  return std::nullopt;
}

std::optional<std::string> missing_device(const DeclaredEngine& engine, const DeviceView& view) {
  for (PinnedDevice& device : pinned_devices(engine, view)) {
    if (device.standing == DeviceStanding::kGone) return std::move(device.reason);
  }
  return std::nullopt;
}

}  // namespace ondol
