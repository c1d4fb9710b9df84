// Who pays for what on this machine: its CPU as a metered device, the operator's prices, and all devices on /metrics.
//
// Owner: run_server; outlives the API. Any thread; reads the CPU ten times a second on a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "device/device.h"
#include "device/device_floor.h"
#include "device/device_metrics.h"
#include "device/rapl.h"
#include "device/sys_tree.h"
#include "gateway/engine_meter.h"
#include "meter/device_sampler.h"

namespace CLI {
class App;
}

namespace ondol {

struct MeteringOptions {
  double electricity_krw_per_kwh = 0;  // 0 = answers carry no price
  double pue = 1;
  double device_krw_per_hour = 0;
  double grid_g_per_kwh = 0;              // 0 = no CO2 figure
  double cpu_idle_w = 0, cpu_busy_w = 0;  // of the machine where its energy cannot be read; 0 = by the number of CPUs
};

// --price-electricity --pue --price-device-hour --grid-co2 --cpu-idle-power --cpu-busy-power
void bind_metering_options(CLI::App& app, MeteringOptions& options);

class Metering {
 public:
  // `more`: devices beside those of this machine, a floor's twins.
  Metering(const MeteringOptions& options, Registry& metrics, std::vector<std::unique_ptr<DeviceReader>> more = {});
  ~Metering();  // /metrics must not be asked for any more

  // For one more engine on the CPU.
  std::shared_ptr<EngineMeter> meter_engine(const ModelSpec& spec) { return std::make_shared<EngineMeter>(cpu_, ++engines_, spec); }

 private:
  std::optional<EnergyReading> read_energy();
  void refresh();

  const SteadyClock clock_;
  DeviceFloor devices_;  // for /metrics
  DeviceMetrics device_metrics_;
  const SysTree tree_;
  Rapl rapl_;  // for the meter: its energy alone, which is read for every answer
  MeteredDevice cpu_;
  std::unique_ptr<DeviceSampler> sampler_;
  std::atomic<uint16_t> engines_ = 0;
};

}  // namespace ondol
