// What one twin device shows, as it follows the load: power, temperature, counters.
//
// Owner: a TwinFloor; one thread. Pure: time is passed in. The temperature is one thermal mass between the device and the air: a device
// settles at kInletC + power * degrees a watt, most of the way within kSettleS seconds. Both constants are chosen so that an RNGD at 150 W
// reads about 68 C, the figure in FuriosaAI's exporter documentation; they are not measured.
#pragma once

#include <cstdint>

namespace ondol {

struct TwinDeviceInput {
  double power_w = 0;
  double busy = 0;  // 0..1
  bool throttled = false;
  double clock = 1;  // of its full one, by its governor
};

class TwinDevice {
 public:
  static constexpr double kInletC = 31, kSettleS = 15;

  explicit TwinDevice(double full_power_w, double clock_mhz) : degrees_per_watt_(37.0 / full_power_w), clock_mhz_(clock_mhz) {}

  void advance(const TwinDeviceInput& input, double seconds);

  double power_w() const { return input_.power_w; }
  double busy() const { return input_.busy; }
  bool throttled() const { return input_.throttled; }
  double energy_j() const { return energy_j_; }
  double time_s() const { return time_s_; }
  double peak_c() const { return input_.throttled ? kThrottleC : peak_c_; }
  double clock_mhz() const { return (input_.throttled ? 0.6 : 1.0) * input_.clock * clock_mhz_; }
  uint64_t cycles() const { return static_cast<uint64_t>(cycles_); }
  uint64_t task_cycles() const { return static_cast<uint64_t>(task_cycles_); }

 private:
  static constexpr double kThrottleC = 95;

  const double degrees_per_watt_, clock_mhz_;
  TwinDeviceInput input_;
  double peak_c_ = kInletC, energy_j_ = 0, time_s_ = 0, cycles_ = 0, task_cycles_ = 0;
};

}  // namespace ondol
