#include "app/metering.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace ondol {
namespace {

// What a CPU of a server draws where nothing can be read: 360 W of an EPYC 9654's 96 cores (its published TDP) when all of them work, and
// about a third of that when none does.
constexpr double kBusyPerCpuW = 360.0 / 96, kIdlePerCpuW = kBusyPerCpuW / 3;

double or_else(double given, double other) { return given > 0 ? given : other; }

std::shared_ptr<const PriceTable> price_table(const MeteringOptions& options, const std::string& device) {
  PriceTable out;
  if (options.electricity_krw_per_kwh > 0) out.electricity_per_kwh = micro_won(options.electricity_krw_per_kwh);
  out.pue = options.pue;
  if (options.device_krw_per_hour > 0) out.device_hour[device] = micro_won(options.device_krw_per_hour);
  if (options.grid_g_per_kwh > 0) out.grid_g_per_kwh = options.grid_g_per_kwh;
  return std::make_shared<const PriceTable>(std::move(out));
}

std::vector<std::unique_ptr<DeviceReader>> readers_of_this_machine(std::vector<std::unique_ptr<DeviceReader>> more) {
  std::vector<std::unique_ptr<DeviceReader>> out;
  for (const auto make : {make_rngd_reader, make_nvidia_reader, make_rebellions_reader, make_cpu_reader}) out.push_back(make({}));
  for (auto& reader : more) out.push_back(std::move(reader));
  return out;
}

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
    : devices_(readers_of_this_machine(std::move(more))),
      device_metrics_(metrics),
      tree_("/"),
      cpu_{.name = "cpu", .meter = {}, .settle = {}, .prices = {}, .metrics = {}} {
  const double cpus = std::max(1u, std::thread::hardware_concurrency());
  cpu_.meter = std::make_shared<DeviceMeter>(or_else(options.cpu_idle_w, cpus * kIdlePerCpuW));
  cpu_.prices = price_table(options, cpu_.name);
  cpu_.metrics = std::make_shared<EnergyMetrics>(metrics);
  std::vector<DeviceSampler::Device> devices;
  const bool readable = rapl_.read(tree_).energy_j.has_value();
  if (!readable) spdlog::info("the energy of this machine cannot be read ({}): answers carry an estimate", rapl_.source());
  devices.push_back({.meter = cpu_.meter.get(),
                     .read = [this, readable] { return readable ? read_energy() : std::nullopt; },
                     .busy_power_w = or_else(options.cpu_busy_w, cpus * kBusyPerCpuW)});
  sampler_ = std::make_unique<DeviceSampler>(std::move(devices), clock_);
  cpu_.settle = [sampler = sampler_.get()] { sampler->settle(0); };
  sampler_->start();
  metrics.before_render([this] { refresh(); });
}

Metering::~Metering() { sampler_->stop(); }

// The sampler calls it for one device, one after the other.
std::optional<EnergyReading> Metering::read_energy() { return EnergyReading{.energy_j = rapl_.read(tree_).energy_j, .power_w = {}}; }

// The registry calls it one after the other.
void Metering::refresh() {
  device_metrics_.update(devices_.read());
  cpu_.metrics->update(cpu_.name, cpu_.meter->totals());
}

}  // namespace ondol
