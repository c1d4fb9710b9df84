#include "app/device_watts.h"

#include <array>
#include <string_view>
#include <utility>

#include "cost/device_profile.h"

namespace ondol {
namespace {

// Empty if the cost model does not know the product.
std::string_view profile_of(const DeviceSnapshot& device) {
  if (device.kind == DeviceKind::kRngd) return "rngd";
  if (device.kind == DeviceKind::kCpu) return "cpu";
  if (device.kind != DeviceKind::kNvidia) return {};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kProducts = {
      {{"H100", "h100"}, {"B200", "b200"}, {"L40S", "l40s"}, {"RTX PRO 6000", "rtx-pro-6000"}, {"RTX 4090", "rtx-4090"}}};
  for (const auto& [product, profile] : kProducts) {
    if (device.product.find(product) != std::string::npos) return profile;
  }
  return {};
}

}  // namespace

DeviceWatts watts_of(const DeviceSnapshot& device) {
  constexpr double kIdleShare = 1.0 / 8;
  std::string_view profile = profile_of(device);
  if (profile.empty() && device.power_limit_w && *device.power_limit_w > 0) {
    return {*device.power_limit_w * kIdleShare, *device.power_limit_w};
  }
  if (profile.empty()) profile = device.kind == DeviceKind::kNvidia ? "h100" : "rngd";
  const Result<DeviceProfile> known = builtin_device(profile);
  return known ? DeviceWatts{known->idle_w, known->cap_w} : DeviceWatts{};
}

}  // namespace ondol
