// Any bytes as a device profile: an error, or a profile that survives being written and read, and prices a step.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cost/cost_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const auto profile = parse_device_profile({reinterpret_cast<const char*>(data), size});
  if (!profile) return 0;
  const auto again = parse_device_profile(device_profile_json(*profile));
  if (!again) __builtin_trap();
  for (const ProfileField& field : profile_fields()) {
    const double before = (*profile).*field.value, after = (*again).*field.value;
    if (!(std::abs(after - before) <= 1e-9 * std::abs(before))) __builtin_trap();
  }
  const auto model = CostModel::make(*profile, *builtin_model("exaone-4.0-1.2b"), {});
  if (!model) return 0;
  const StepCost cost = model->decode(7, 3000);
  if (!std::isfinite(cost.seconds) || cost.seconds < 0 || !std::isfinite(cost.power_w)) __builtin_trap();
  return 0;
}
