#include "device/device_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "device/sys_tree.h"

namespace ondol {
namespace {

constexpr size_t kLabelBytes = 64;
constexpr const char* kTemperature = "ondol_device_temperature_celsius";

}  // namespace

DeviceMetrics::Series* DeviceMetrics::series_of(const DeviceSnapshot& device) {
  const std::string id = SysTree::plain(device.id, kLabelBytes);
  if (const auto found = devices_.find(id); found != devices_.end()) return &found->second;
  if (devices_.size() >= kMaxDevices) return nullptr;
  Series& series = devices_[id];
  series.labels = {
      {"device", id}, {"kind", std::string(device_kind_name(device.kind))}, {"product", SysTree::plain(device.product, kLabelBytes)}};
  series.healthy.gauge = &registry_.gauge("ondol_device_healthy", "1 if the device is well, 0 if not or if it is gone.", series.labels);
  return &series;
}

void DeviceMetrics::set(Series& series, const char* metric, const char* help, const std::string& sensor, double value) {
  Figure& figure = series.figures[metric + sensor];
  if (figure.gauge == nullptr) {
    Labels labels = series.labels;
    if (!sensor.empty()) labels.emplace_back("sensor", sensor);
    figure.gauge = &registry_.gauge(metric, help, std::move(labels));
  }
  figure.gauge->set(value);
  figure.update = update_;
}

void DeviceMetrics::add_energy(Series& series, double energy_j) {
  if (!std::isfinite(energy_j) || energy_j < 0) return;
  if (series.energy == nullptr) {
    series.energy =
        &registry_.counter("ondol_device_energy_joules_total", "The device's own energy counter, since it was first read.", series.labels);
    series.energy_seen_j = energy_j;
  }
  series.energy_left_j += energy_j >= series.energy_seen_j ? energy_j - series.energy_seen_j : energy_j;
  series.energy_seen_j = energy_j;
  const double whole_j = std::floor(std::min(series.energy_left_j, 1e15));
  series.energy->add(static_cast<uint64_t>(whole_j));
  series.energy_left_j -= whole_j;
}

void DeviceMetrics::update(const std::vector<DeviceSnapshot>& devices) {
  ++update_;
  for (const DeviceSnapshot& device : devices) {
    Series* series = series_of(device);
    if (series == nullptr) continue;
    series->healthy.gauge->set(device.unhealthy.empty() ? 1 : 0);
    series->healthy.update = update_;
    const auto figure = [&](const char* metric, const char* help, const auto& value) {
      if (value) set(*series, metric, help, "", static_cast<double>(*value));
    };
    figure("ondol_device_power_watts", "What the device draws.", device.power_w);
    figure("ondol_device_utilization_ratio", "Share of the time in which the device was at work, 0 to 1.", device.utilization);
    figure("ondol_device_memory_used_bytes", "Memory of the device that is taken.", device.memory_used_bytes);
    figure("ondol_device_memory_total_bytes", "Memory of the device.", device.memory_total_bytes);
    if (device.energy_j) add_energy(*series, *device.energy_j);
    for (const auto& [name, celsius] : device.temperatures_c) {
      const std::string sensor = SysTree::plain(name, kLabelBytes);
      const bool known = series->figures.contains(kTemperature + sensor);
      if (sensor.empty() || (!known && series->sensors >= kMaxSensors)) continue;
      series->sensors += known ? 0 : 1;
      set(*series, kTemperature, "Temperatures, by sensor.", sensor, celsius);
    }
  }
  forget_untold();
}

// After the rest, so that whoever reads meanwhile never sees a figure blink.
void DeviceMetrics::forget_untold() {
  for (auto& [id, series] : devices_) {
    if (series.healthy.update != update_) series.healthy.gauge->set(0);
    for (auto& [metric, figure] : series.figures) {
      if (figure.update != update_) figure.gauge->set(std::numeric_limits<double>::quiet_NaN());
    }
  }
}

}  // namespace ondol
