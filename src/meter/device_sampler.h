// Reads devices at a steady pace and feeds their meters.
//
// Owner: the gateway or the node; made once with all devices. `settle` and `sample`: any thread. A device is read by one thread at a time;
// a reading that takes long delays that device's other readings, and its `settle`, not those of other devices' meters.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "meter/meter.h"

namespace ondol {

// What one look at a device gives; the counter counts if there is one.
struct EnergyReading {
  std::optional<double> energy_j{}, power_w{};
  // When the counter was looked at, if that was a while ago: a reading that is shared, or had before, is no news. Empty = now.
  std::optional<int64_t> at_us{};
};

class DeviceSampler {
 public:
  static constexpr int64_t kDefaultIntervalUs = 100'000;

  struct Device {
    DeviceMeter* meter = nullptr;  // outlives the sampler
    // Nothing, or a reading without figures, when the device cannot be read. Must not throw.
    std::function<std::optional<EnergyReading>()> read;
    double busy_power_w = 0;  // what it is taken to draw at work while it cannot be read
    // Called before every reading, with its time: who knows of work that goes on tells the meter now. Null: nobody.
    std::function<void(int64_t now_us)> before = nullptr;
  };

  // The clock is the one of the works' times and outlives the sampler. Reads nothing yet.
  DeviceSampler(std::vector<Device> devices, const Clock& clock, int64_t interval_us = kDefaultIntervalUs);
  ~DeviceSampler();
  DeviceSampler(const DeviceSampler&) = delete;
  DeviceSampler& operator=(const DeviceSampler&) = delete;

  // Begins to read all devices, every interval, on a thread of its own; the devices one after the other.
  void start();
  void stop();

  // Reads all devices once.
  void sample();
  // Reads device `index` (as given to the constructor) now: what was told of as work before is in the accounts when this returns, so that
  // the account of a request that is ending is complete.
  void settle(size_t index);
  // The same without reading it, and without waiting for who reads it now: power is taken to be what it was at the last reading, and the
  // next one puts right what a counter knows better.
  void advance(size_t index);

 private:
  struct Slot {
    Device device;
    std::mutex mutex;
    std::optional<int64_t> last_us;
    std::optional<double> power_w;   // at the last reading; none if it could not be read
    std::optional<double> energy_j;  // of the counter, and when it was that
    int64_t energy_us = 0;
  };
  void remember_power(Slot& slot, const std::optional<EnergyReading>& reading, int64_t at_us);
  void run(const std::stop_token& stop);

  const Clock& clock_;
  const int64_t interval_us_;
  std::deque<Slot> slots_;
  std::mutex pause_mutex_;
  std::condition_variable_any pause_;
  std::jthread thread_;
};

}  // namespace ondol
