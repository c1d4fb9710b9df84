#include "app/metering.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <mutex>
#include <thread>
#include <utility>

#include "app/device_names.h"
#include "app/device_watts.h"
#include "device/device_floor.h"

namespace ondol {
namespace {

// What a CPU of a server draws where nothing can be read: 360 W of an EPYC 9654's 96 cores (its published TDP) when all of them work, and
// about a third of that when none does.
constexpr double kBusyPerCpuW = 360.0 / 96, kIdlePerCpuW = kBusyPerCpuW / 3;

double or_else(double given, double other) { return given > 0 ? given : other; }

std::shared_ptr<PriceTable> price_table(const MeteringOptions& options) {
  auto out = std::make_shared<PriceTable>();
  if (options.electricity_krw_per_kwh > 0) out->electricity_per_kwh = micro_won(options.electricity_krw_per_kwh);
  out->pue = options.pue;
  if (options.grid_g_per_kwh > 0) out->grid_g_per_kwh = options.grid_g_per_kwh;
  return out;
}

// Those of a floor first: where names are the same, theirs are the names.
std::vector<std::unique_ptr<DeviceReader>> with_this_machine(std::vector<std::unique_ptr<DeviceReader>> more) {
  for (const auto make : {make_rngd_reader, make_nvidia_reader, make_rebellions_reader, make_cpu_reader}) more.push_back(make({}));
  return more;
}

// Has no state and is never gone: models may leave memory after everything else.
const Clock& steady_clock() {
  static const SteadyClock clock;
  return clock;
}

bool is_figure(const std::optional<double>& value) { return value && std::isfinite(*value) && *value >= 0; }

}  // namespace

void bind_metering_options(CLI::App& app, MeteringOptions& options) {
  constexpr const char* kGroup = "Metering";
  const auto add = [&](const char* name, double& value, double low, double high, const char* help) {
    app.add_option(name, value, help)->check(CLI::Range(low, high))->group(kGroup);
  };
  add("--price-electricity", options.electricity_krw_per_kwh, 0, 1e6, "Won per kWh; answers then say what they cost (cost_krw)");
  add("--pue", options.pue, 1, 10, "Energy of the whole site per energy of its devices");
  add("--price-device-hour", options.device_krw_per_hour, 0, 1e9, "Won per hour of a device's time, beside electricity");
  add("--grid-co2", options.grid_g_per_kwh, 0, 5000, "Grams of CO2 per kWh of the grid; answers then carry co2_g");
  add("--cpu-idle-power", options.cpu_idle_w, 0, 1e5,
      "Watts of this machine's CPUs at rest, where they cannot be read; 0 = by their number");
  add("--cpu-busy-power", options.cpu_busy_w, 0, 1e5, "Watts of this machine's CPUs at work, likewise");
}

Metering::Metering(const MeteringOptions& options, Registry& metrics, std::vector<std::unique_ptr<DeviceReader>> more)
    : Metering(options, metrics, with_this_machine(std::move(more)), steady_clock()) {
  sampler_->start();
}

Metering::Metering(const MeteringOptions& options, Registry& metrics, std::vector<std::unique_ptr<DeviceReader>> readers,
                   const Clock& clock)
    : clock_(clock),
      feed_(std::move(readers), clock),
      device_metrics_(metrics),
      tree_("/"),
      energy_metrics_(std::make_shared<EnergyMetrics>(metrics)),
      hook_called_us_(clock.now_us() - kHookUs) {
  const auto prices = price_table(options);
  add_cpu(options);
  for (size_t reader = 0; reader < feed_.size(); ++reader) {
    const DeviceFeed::View view = feed_.read(reader);
    for (const DeviceSnapshot& device : *view.devices) add(device, reader);
  }
  for (Entry& entry : entries_) {
    if (options.device_krw_per_hour > 0) prices->device_hour[entry.metered.name] = micro_won(options.device_krw_per_hour);
    entry.metered.prices = prices;
  }
  make_sampler();
  metrics.before_render([this] { refresh(); });
}

Metering::~Metering() { sampler_->stop(); }

void Metering::add_cpu(const MeteringOptions& options) {
  const double cpus = std::max(1u, std::thread::hardware_concurrency());
  Entry& cpu = add_entry("cpu", "cpu", or_else(options.cpu_idle_w, cpus * kIdlePerCpuW), or_else(options.cpu_busy_w, cpus * kBusyPerCpuW));
  cpu.counts = rapl_.read(tree_).energy_j.has_value();
  if (!cpu.counts) spdlog::info("the energy of this machine cannot be read ({}): answers carry an estimate", rapl_.source());
}

void Metering::add(const DeviceSnapshot& device, size_t reader) {
  if (device.kind == DeviceKind::kCpu) return;  // has its own way, see add_cpu
  const std::string& name = find(device.name) == nullptr ? device.name : device.id;
  if (name.empty() || find(name) != nullptr) return;
  const DeviceWatts watts = watts_of(device);
  Entry& entry = add_entry(name, device.id, watts.idle, watts.busy);
  entry.product = device.product;
  entry.reader = reader;
  entry.counts = is_figure(device.energy_j);
}

Metering::Entry& Metering::add_entry(const std::string& name, const std::string& id, double idle_w, double busy_w) {
  const size_t index = entries_.size();
  Entry& entry = entries_.emplace_back();
  entry.metered = {.name = name,
                   .meter = std::make_shared<DeviceMeter>(idle_w),
                   .settle = [this, index] { settle(index); },
                   .prices = {},
                   .metrics = energy_metrics_};
  entry.id = id;
  entry.busy_w = busy_w;
  entry.idle = std::make_shared<IdleShare>(clock_.now_us());
  return entry;
}

void Metering::make_sampler() {
  std::vector<DeviceSampler::Device> devices;
  for (Entry& entry : entries_) {
    devices.push_back({.meter = entry.metered.meter.get(),
                       .read = [this, &entry] { return entry.reader ? read(entry) : read_cpu(entry); },
                       .busy_power_w = entry.busy_w,
                       .before = [this](int64_t now_us) { call_hook(now_us); }});
  }
  sampler_ = std::make_unique<DeviceSampler>(std::move(devices), clock_);
}

// The sampler calls these for a device one after the other.
std::optional<EnergyReading> Metering::read_cpu(const Entry& entry) {
  if (!entry.counts) return std::nullopt;
  return EnergyReading{.energy_j = rapl_.read(tree_).energy_j, .power_w = {}, .at_us = {}};
}

std::optional<EnergyReading> Metering::read(Entry& entry) {
  const DeviceFeed::View view = feed_.read(*entry.reader, DeviceFeed::kMaxAgeUs);
  const DeviceSnapshot* device = find_device(*view.devices, entry.id);
  if (device == nullptr || !device->unhealthy.empty()) return std::nullopt;
  entry.counts = is_figure(device->energy_j);
  if (entry.counts) return EnergyReading{.energy_j = device->energy_j, .power_w = {}, .at_us = view.at_us};
  if (is_figure(device->power_w)) return EnergyReading{.energy_j = {}, .power_w = device->power_w, .at_us = {}};
  return std::nullopt;
}

// The CPU is read for every answer. Other devices are not: whoever passes answers on must not wait for a driver.
void Metering::settle(size_t index) {
  if (entries_[index].reader) return sampler_->advance(index);
  sampler_->settle(index);
}

void Metering::before_reading(std::function<void(int64_t now_us)> hook) {
  const std::unique_lock lock(hook_mutex_);
  hook_ = std::move(hook);
}

// All devices of a floor are read one after the other: what was booked for the first is booked for all.
void Metering::call_hook(int64_t now_us) {
  int64_t last_us = hook_called_us_;
  if (now_us - last_us < kHookUs || !hook_called_us_.compare_exchange_strong(last_us, now_us)) return;
  const std::shared_lock lock(hook_mutex_);
  if (hook_) hook_(now_us);
}

const Metering::Entry* Metering::find(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, [](const Entry& entry) -> std::string_view { return entry.metered.name; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<std::vector<MeteredDevice>> Metering::devices_of(const std::vector<std::string>& names) const {
  std::vector<MeteredDevice> out;
  for (const std::string& written : names) {
    for (const std::string& name : device_names(written)) {
      const Entry* entry = find(name);
      if (entry == nullptr) {
        std::string list;
        for (const Entry& each : entries_) list += (list.empty() ? "" : ", ") + each.metered.name;
        return fail(Code::kNotFound, "there is no device " + ondol::quoted(written) + " here; there are " + list);
      }
      if (std::ranges::find(out, name, &MeteredDevice::name) == out.end()) out.push_back(entry->metered);
    }
  }
  return out;
}

std::string Metering::product_of(const std::string& device) const {
  const Entry* entry = find(device_names(device).front());
  return entry == nullptr ? std::string() : entry->product;
}

Resident Metering::resident(const std::string& device, const std::string& model, uint64_t bytes) const {
  const Entry* entry = find(device_names(device).front());
  if (entry == nullptr) return nullptr;
  const auto follow = [idle = entry->idle, meter = entry->metered.meter, &clock = clock_] {
    const int64_t now_us = clock.now_us();
    idle->follow(now_us, meter->totals().idle_j);
    return now_us;
  };
  entry->idle->arrive(model, bytes, follow());
  return Resident(entry->idle.get(), [=, idle = entry->idle](const void*) { idle->leave(model, bytes, follow()); });
}

// The registry calls it one after the other.
void Metering::refresh() {
  device_metrics_.update(feed_.read_all());
  for (const Entry& entry : entries_) {
    const MeterTotals totals = entry.metered.meter->totals();
    energy_metrics_->update(entry.metered.name, totals);
    entry.idle->follow(clock_.now_us(), totals.idle_j);
    energy_metrics_->update_idle(entry.metered.name, entry.idle->shares());
  }
}

}  // namespace ondol
