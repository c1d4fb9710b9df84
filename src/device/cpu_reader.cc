#include "device/cpu_reader.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>

namespace ondol {
namespace {

constexpr std::string_view kPolicies = "/sys/devices/system/cpu/cpufreq/";

void read_product(const SysTree& tree, DeviceSnapshot& device) {
  const std::string cpuinfo = tree.text_or_empty("/proc/cpuinfo");
  device.product = SysTree::plain(proc_value(cpuinfo, "model name"));
  if (device.product.empty()) device.product = SysTree::plain(proc_value(cpuinfo, "Hardware"));  // some ARM machines
  if (device.product.empty()) device.product = "CPU";
  device.firmware_version = SysTree::plain(proc_value(cpuinfo, "microcode"), 32);
  device.driver_version = SysTree::plain(tree.text_or_empty("/proc/sys/kernel/osrelease"), 64);
}

void read_memory(const SysTree& tree, DeviceSnapshot& device) {
  const std::string meminfo = tree.text_or_empty("/proc/meminfo");
  const auto total = meminfo_bytes(meminfo, "MemTotal");
  const auto available = meminfo_bytes(meminfo, "MemAvailable");
  device.memory_total_bytes = total;
  if (total && available && *available <= *total) device.memory_used_bytes = *total - *available;
}

// The mean of the first clocks: each is a question to a core, and a large machine has hundreds.
void read_clock(const SysTree& tree, DeviceSnapshot& device) {
  double sum_khz = 0;
  int count = 0, left = CpuReader::kMaxPolicies;
  for (const std::string& policy : tree.names(kPolicies)) {
    if (!policy.starts_with("policy") || left-- <= 0) continue;
    const std::string folder = std::string(kPolicies) + policy;
    const auto khz = tree.number(folder + "/scaling_cur_freq");
    if (khz && *khz > 0) {
      sum_khz += *khz;
      ++count;
    }
    if (!device.governor) {
      const std::string governor = SysTree::plain(tree.text_or_empty(folder + "/scaling_governor"), 32);
      if (!governor.empty()) device.governor = governor;
    }
  }
  if (count > 0) device.clock_mhz = sum_khz / count * 1e-3;
}

// "Package id 0" -> "package 0", "Tctl" -> "tctl"; a core's own is none.
std::string sensor_name(std::string label) {
  std::transform(label.begin(), label.end(), label.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (label.starts_with("package id ")) return "package " + label.substr(11);
  return label == "tctl" || label == "tdie" ? label : "";
}

void add_temperature(const std::string& name, double celsius, std::map<std::string, double>& temperatures) {
  if (!(celsius > -100 && celsius < 300)) return;  // a sensor that is not connected
  for (const std::string& key : {std::string("peak"), name}) {
    if (key.empty()) continue;
    const auto [place, is_new] = temperatures.try_emplace(key, celsius);
    place->second = std::max(place->second, celsius);
  }
}

void read_temperatures(const SysTree& tree, std::map<std::string, double>& temperatures) {
  size_t left = CpuReader::kMaxSensors;
  for (const std::string& monitor : tree.names("/sys/class/hwmon")) {
    const std::string folder = "/sys/class/hwmon/" + monitor + "/";
    const std::string chip = tree.text_or_empty(folder + "name");
    if (chip != "coretemp" && chip != "k10temp" && chip != "zenpower" && chip != "cpu_thermal") continue;
    for (const std::string& file : tree.names(folder)) {
      if (!file.starts_with("temp") || !file.ends_with("_input") || left == 0) continue;
      --left;
      const auto milli = tree.number(folder + file);
      const std::string label = tree.text_or_empty(folder + file.substr(0, file.size() - 5) + "label");
      if (milli) add_temperature(sensor_name(SysTree::plain(label, 32)), *milli * 1e-3, temperatures);
    }
  }
  if (!temperatures.empty()) return;
  for (const std::string& zone : tree.names("/sys/class/thermal")) {
    const std::string folder = "/sys/class/thermal/" + zone + "/";
    const std::string type = tree.text_or_empty(folder + "type");
    if (left == 0 || !zone.starts_with("thermal_zone") || (type != "x86_pkg_temp" && !type.starts_with("cpu"))) continue;
    --left;
    if (const auto milli = tree.number(folder + "temp")) add_temperature("", *milli * 1e-3, temperatures);
  }
}

// A machine with one node is on it; several nodes are one device here and it is on none.
std::optional<int> only_node(const SysTree& tree) {
  int nodes = 0;
  for (const std::string& name : tree.names("/sys/devices/system/node")) {
    if (name.starts_with("node") && SysTree::to_integer(std::string_view(name).substr(4))) ++nodes;
  }
  return nodes == 1 ? std::optional<int>(0) : std::nullopt;
}

}  // namespace

std::vector<DeviceSnapshot> CpuReader::read() {
  const auto text = tree_.text("/proc/stat");
  if (!text && text.error().code == Code::kNotFound) return {};
  DeviceSnapshot device;
  device.kind = DeviceKind::kCpu;
  device.id = device.name = "cpu";
  read_product(tree_, device);
  device.numa_node = only_node(tree_);
  read_memory(tree_, device);
  read_clock(tree_, device);
  read_temperatures(tree_, device.temperatures_c);
  read_energy(device);
  if (const auto stat = text ? parse_proc_stat(*text) : std::nullopt) {
    read_use(*stat, device);
    last_stat_ = stat;
  } else {
    device.unhealthy = text ? tree_.path("/proc/stat") + " is garbled" : text.error().message;
    last_stat_.reset();
  }
  return {std::move(device)};
}

void CpuReader::read_use(const ProcStat& stat, DeviceSnapshot& device) {
  if (last_stat_) device.utilization = busy_share(last_stat_->all, stat.all);
  std::map<int, CpuTicks> before;
  if (last_stat_) before.insert(last_stat_->cpus.begin(), last_stat_->cpus.end());
  for (const auto& [number, ticks] : stat.cpus) {
    DeviceCore core;
    core.index = number;
    if (const auto old = before.find(number); old != before.end()) core.utilization = busy_share(old->second, ticks);
    device.cores.push_back(core);
  }
}

void CpuReader::read_energy(DeviceSnapshot& device) {
  const RaplReading reading = rapl_.read(tree_);
  const int64_t now_us = clock_.now_us();
  device.energy_j = reading.energy_j;
  device.power_limit_w = reading.power_limit_w;
  if (reading.energy_j && last_energy_j_ && now_us > last_us_) {
    device.power_w = (*reading.energy_j - *last_energy_j_) / (static_cast<double>(now_us - last_us_) * 1e-6);
  }
  last_energy_j_ = reading.energy_j;
  last_us_ = now_us;
}

std::string CpuReader::source() const {
  return "/proc and /sys at " + tree_.path("/") + (rapl_.source().empty() ? "" : "; " + rapl_.source());
}

std::unique_ptr<DeviceReader> make_cpu_reader(const DeviceReaderOptions& options) {
  static const SteadyClock clock;
  return std::make_unique<CpuReader>(options, clock);
}

}  // namespace ondol
