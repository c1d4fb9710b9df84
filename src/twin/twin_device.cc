#include "twin/twin_device.h"

#include <algorithm>
#include <cmath>

namespace ondol {

void TwinDevice::advance(const TwinDeviceInput& input, double seconds) {
  input_ = input;
  const double target = kInletC + degrees_per_watt_ * input.power_w;
  peak_c_ += (target - peak_c_) * (1 - std::exp(-seconds / kSettleS));
  energy_j_ += input.power_w * seconds;
  time_s_ += seconds;
  const double cycles = clock_mhz() * 1e6 * seconds;
  cycles_ += cycles;
  task_cycles_ += cycles * std::clamp(input.busy, 0.0, 1.0);
}

}  // namespace ondol
