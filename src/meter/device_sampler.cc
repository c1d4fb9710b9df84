#include "meter/device_sampler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/thread_name.h"

namespace ondol {

DeviceSampler::DeviceSampler(std::vector<Device> devices, const Clock& clock, int64_t interval_us)
    : clock_(clock), interval_us_(interval_us) {
  for (Device& device : devices) slots_.emplace_back().device = std::move(device);
}

DeviceSampler::~DeviceSampler() { stop(); }

void DeviceSampler::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void DeviceSampler::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void DeviceSampler::run(const std::stop_token& stop) {
  name_this_thread("sampler");
  auto next = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    sample();
    // A reading that took longer than the interval is not made up for.
    next = std::max(next + std::chrono::microseconds(interval_us_), std::chrono::steady_clock::now());
    std::unique_lock lock(pause_mutex_);
    pause_.wait_until(lock, stop, next, [] { return false; });
  }
}

void DeviceSampler::sample() {
  for (size_t i = 0; i < slots_.size(); ++i) settle(i);
}

void DeviceSampler::settle(size_t index) {
  if (index >= slots_.size()) return;
  Slot& slot = slots_[index];
  const std::scoped_lock lock(slot.mutex);
  if (slot.device.before) slot.device.before(clock_.now_us());
  const std::optional<EnergyReading> reading = slot.device.read();
  int64_t now_us = clock_.now_us();
  if (reading && reading->energy_j && reading->at_us) now_us = std::max(*reading->at_us, slot.last_us.value_or(*reading->at_us));
  remember_power(slot, reading, now_us);
  slot.last_us = now_us;
  DeviceMeter& meter = *slot.device.meter;
  if (reading && reading->energy_j) {
    meter.counter(now_us, *reading->energy_j);
  } else if (reading && reading->power_w) {
    meter.power(now_us, *reading->power_w);
  } else {
    meter.estimate(now_us, slot.device.busy_power_w);
  }
}

// As the device tells it, or as its counter's last interval comes to.
void DeviceSampler::remember_power(Slot& slot, const std::optional<EnergyReading>& reading, int64_t at_us) {
  const std::optional<double> energy_j = reading ? reading->energy_j : std::nullopt;
  if (!reading || (!reading->power_w && !energy_j)) {
    slot.power_w.reset();
  } else if (reading->power_w) {
    slot.power_w = reading->power_w;
  } else if (energy_j && slot.energy_j && at_us > slot.energy_us && *energy_j >= *slot.energy_j) {
    slot.power_w = (*energy_j - *slot.energy_j) * 1e6 / static_cast<double>(at_us - slot.energy_us);
  }
  if (energy_j != slot.energy_j) {
    slot.energy_j = energy_j;
    slot.energy_us = at_us;
  }
}

void DeviceSampler::advance(size_t index) {
  if (index >= slots_.size()) return;
  Slot& slot = slots_[index];
  const std::unique_lock lock(slot.mutex, std::try_to_lock);
  if (!lock) return;
  const int64_t now_us = clock_.now_us();
  if (slot.device.before) slot.device.before(now_us);
  slot.last_us = std::max(now_us, slot.last_us.value_or(now_us));
  if (slot.power_w) {
    slot.device.meter->power(*slot.last_us, *slot.power_w);
  } else {
    slot.device.meter->estimate(*slot.last_us, slot.device.busy_power_w);
  }
}

}  // namespace ondol
