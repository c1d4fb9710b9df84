// Devices on /metrics, under ondol_device_*.
//
// Owner: whoever has the Registry; it outlives this. One thread at a time. Bounded: kMaxDevices devices with kMaxSensors temperatures each;
// label values are cut to 64 printable bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "device/device.h"

namespace ondol {

class DeviceMetrics {
 public:
  static constexpr size_t kMaxDevices = 128, kMaxSensors = 8;

  explicit DeviceMetrics(Registry& registry) : registry_(registry) {}

  // What `devices` tell now. A figure that a device told before and tells no more is NaN; a device that is not in the list is not healthy.
  // The label `device` is its id. Joules are whole; a counter that goes back adds from its new start.
  void update(const std::vector<DeviceSnapshot>& devices);

 private:
  struct Figure {
    Gauge* gauge = nullptr;
    uint64_t update = 0;  // that set it last
  };
  struct Series {
    Labels labels;
    std::map<std::string, Figure> figures;  // by metric, and by sensor for temperatures
    Counter* energy = nullptr;
    double energy_seen_j = 0, energy_left_j = 0;
    Figure healthy;
    size_t sensors = 0;
  };
  Series* series_of(const DeviceSnapshot& device);
  void set(Series& series, const char* metric, const char* help, const std::string& sensor, double value);
  void add_energy(Series& series, double energy_j);
  void forget_untold();

  Registry& registry_;
  std::map<std::string, Series> devices_;  // by id
  uint64_t update_ = 0;
};

}  // namespace ondol
