// Who pays for what on this floor: every device metered, the operator's prices, and all devices on /metrics.
//
// Owner: run_server; outlives the API and the door. Any thread. A thread of its own reads the devices: the CPU ten times a second, the
// others at most five times, in readings that the meters and /metrics share. Devices are those that are there at the start; one that is
// garbled, unhealthy or gone meanwhile is estimated until it can be read again. Bounded: DeviceReader::kMaxDevices a reader.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "app/device_feed.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"
#include "device/device.h"
#include "device/device_metrics.h"
#include "device/rapl.h"
#include "device/sys_tree.h"
#include "gateway/engine_meter.h"
#include "meter/device_sampler.h"
#include "meter/idle_share.h"
#include "meter/metered_device.h"

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

// A model in a device's memory, as long as somebody holds this. May outlive the Metering.
using Resident = std::shared_ptr<const void>;

class Metering {
 public:
  // `more`: devices beside those of this machine, a floor's twins. Where two devices have one name it is that of the one in `more`; the
  // other goes by its id.
  Metering(const MeteringOptions& options, Registry& metrics, std::vector<std::unique_ptr<DeviceReader>> more = {});
  // With these readers only and a clock of one's own, for tests: nothing is read but by `sample` and who settles. The clock outlives it
  // all.
  Metering(const MeteringOptions& options, Registry& metrics, std::vector<std::unique_ptr<DeviceReader>> readers, const Clock& clock);
  ~Metering();  // /metrics must not be asked for any more
  Metering(const Metering&) = delete;
  Metering& operator=(const Metering&) = delete;

  // For one more engine on the CPU.
  std::shared_ptr<EngineMeter> meter_engine(const ModelSpec& spec) { return std::make_shared<EngineMeter>(cpu(), next_engine(), spec); }
  // Tells the requests of engines apart, of this process's and of those seen from outside.
  uint16_t next_engine() { return ++engines_; }

  // The devices of an engine, as node files and floors name them ("npu:0", "npu:0:0-3", "npu:0,1,2,3", "gpu:1", "cpu") or as they name
  // themselves ("npu0"). Parts of a card are the card: it has one meter. Each device once, in the order given. kNotFound says which there
  // are.
  Result<std::vector<MeteredDevice>> devices_of(const std::vector<std::string>& names) const;

  // "NVIDIA H100 80GB HBM3"; empty for the CPU and for devices that are not there.
  std::string product_of(const std::string& device) const;

  // Called before any reading, with its time; once for readings that follow each other within kHookUs. Thread-safe; when it returns the
  // function that was there before is not running any more. It must not call back. Null: none.
  static constexpr int64_t kHookUs = 2'000;
  void before_reading(std::function<void(int64_t now_us)> hook);

  // `bytes` of the device's memory are this model's from now on: it has its share of the idle joules. Null for a device that is not there.
  Resident resident(const std::string& device, const std::string& model, uint64_t bytes) const;

  const Clock& clock() const { return clock_; }

  // Reads all devices once.
  void sample() { sampler_->sample(); }

 private:
  struct Entry {
    MeteredDevice metered;
    std::string id, product;
    std::optional<size_t> reader;  // in the feed; none: the CPU
    double busy_w = 0;
    std::shared_ptr<IdleShare> idle;
    std::atomic<bool> counts = false;  // has an energy counter, as far as the last reading went
  };
  void add_cpu(const MeteringOptions& options);
  void add(const DeviceSnapshot& device, size_t reader);
  Entry& add_entry(const std::string& name, const std::string& id, double idle_w, double busy_w);
  void make_sampler();
  std::optional<EnergyReading> read_cpu(const Entry& entry);
  std::optional<EnergyReading> read(Entry& entry);
  void settle(size_t index);
  void call_hook(int64_t now_us);
  const Entry* find(std::string_view name) const;
  const MeteredDevice& cpu() const { return entries_.front().metered; }
  void refresh();

  const Clock& clock_;
  DeviceFeed feed_;
  DeviceMetrics device_metrics_;
  const SysTree tree_;
  Rapl rapl_;  // the CPU's energy alone, which is read for every answer
  std::shared_ptr<EnergyMetrics> energy_metrics_;
  std::deque<Entry> entries_;  // fixed after construction; in the sampler's order; the CPU is the first
  std::shared_mutex hook_mutex_;
  std::function<void(int64_t now_us)> hook_;
  std::atomic<int64_t> hook_called_us_;
  std::unique_ptr<DeviceSampler> sampler_;
  std::atomic<uint16_t> engines_ = 0;
};

}  // namespace ondol
