#include "device/nvidia_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ondol {
namespace {

// The questions to one GPU or MIG instance: an answer, or nothing. Remembers when the device said that it is lost.
class Probe {
 public:
  Probe(const Nvml& nvml, NvmlDevice device) : nvml_(nvml), device_(device) {}

  template <class T, class F, class... Args>
  std::optional<T> ask(F function, Args... args) {
    if (function == nullptr) return std::nullopt;
    T value{};
    return answered(function(device_, args..., &value)) ? std::optional<T>(value) : std::nullopt;
  }

  std::string text(Nvml::Text function) {
    std::array<char, kNvmlTextBytes> buffer{};
    if (function == nullptr || !answered(function(device_, buffer.data(), kNvmlTextBytes - 1))) return "";
    return SysTree::plain(buffer.data());
  }

  std::vector<NvmlProcess> processes() {
    if (nvml_.call().processes == nullptr) return {};
    std::vector<NvmlProcess> found(64);
    auto count = static_cast<unsigned>(found.size());
    NvmlReturn value = nvml_.call().processes(device_, &count, found.data());
    if (value == kNvmlInsufficientSize && count > found.size()) {
      count = std::min(count + 16, NvidiaReader::kMaxProcesses);  // more may start in between
      found.resize(count);
      value = nvml_.call().processes(device_, &count, found.data());
    }
    found.resize(answered(value) ? std::min<size_t>(count, found.size()) : 0);
    return found;
  }

  NvmlDevice device() const { return device_; }
  // Why the device cannot be used; empty if it answers.
  const std::string& lost() const { return lost_; }

 private:
  bool answered(NvmlReturn value) {
    if (value == kNvmlGpuIsLost || value == kNvmlResetRequired) lost_ = nvml_.error_text(value);
    return value == kNvmlSuccess;
  }

  const Nvml& nvml_;
  NvmlDevice device_;
  std::string lost_;
};

template <class T>
std::optional<double> scaled(const std::optional<T>& value, double unit) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) * unit;
}

template <class T>
std::optional<int> whole(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<double> generation_gts(const std::optional<unsigned>& generation) {
  constexpr std::array<double, 7> kGts = {0, 2.5, 5, 8, 16, 32, 64};  // PCI Express base specifications 1 to 6
  if (!generation || *generation == 0 || *generation >= kGts.size()) return std::nullopt;
  return kGts[*generation];
}

// Idle and clocks that the user has set are no throttling.
std::vector<std::string> throttle_names(unsigned long long bits) {
  constexpr std::array<std::pair<unsigned long long, const char*>, 7> kNames = {{{kNvmlPowerCap, "power cap"},
                                                                                 {kNvmlHardwareSlowdown, "hardware slowdown"},
                                                                                 {kNvmlSyncBoost, "sync boost"},
                                                                                 {kNvmlThermal, "thermal"},
                                                                                 {kNvmlHardwareThermal, "thermal (hardware)"},
                                                                                 {kNvmlPowerBrake, "power brake"},
                                                                                 {kNvmlDisplayClock, "display clock"}}};
  std::vector<std::string> names;
  for (const auto& [bit, name] : kNames) {
    if ((bits & bit) != 0) names.emplace_back(name);
  }
  return names;
}

void read_identity(Probe& gpu, const Nvml::Functions& call, const SysTree& tree, DeviceSnapshot& device) {
  device.product = gpu.text(call.name);
  device.uuid = gpu.text(call.uuid);
  device.serial = gpu.text(call.serial);
  device.firmware_version = gpu.text(call.vbios_version);
  if (const auto pci = gpu.ask<NvmlPciInfo>(call.pci_info)) {
    device.bdf = fmt::format("{:04x}:{:02x}:{:02x}.0", pci->domain, pci->bus, pci->device);
    const auto node = tree.integer("/sys/bus/pci/devices/" + device.bdf + "/numa_node");
    if (node && *node >= 0) device.numa_node = static_cast<int>(*node);
  }
  if (const auto minor = gpu.ask<unsigned>(call.minor_number)) device.nodes = {"/dev/nvidia" + std::to_string(*minor)};
  device.id = !device.uuid.empty() ? device.uuid : !device.serial.empty() ? device.serial : !device.bdf.empty() ? device.bdf : device.name;
}

void read_figures(Probe& gpu, const Nvml::Functions& call, DeviceSnapshot& device) {
  device.power_w = scaled(gpu.ask<unsigned>(call.power_usage_mw), 1e-3);
  device.power_limit_w = scaled(gpu.ask<unsigned>(call.power_limit_mw), 1e-3);
  device.energy_j = scaled(gpu.ask<unsigned long long>(call.energy_mj), 1e-3);
  if (const auto degrees = gpu.ask<unsigned>(call.temperature_c, kNvmlTemperatureGpu)) device.temperatures_c["gpu"] = *degrees;
  device.clock_mhz = scaled(gpu.ask<unsigned>(call.clock_mhz, kNvmlClockSm), 1);
  device.memory_clock_mhz = scaled(gpu.ask<unsigned>(call.clock_mhz, kNvmlClockMemory), 1);
  if (const auto use = gpu.ask<NvmlUtilization>(call.utilization)) device.utilization = std::min(use->gpu, 100U) / 100.0;
  if (const auto memory = gpu.ask<NvmlMemory>(call.memory)) {
    device.memory_total_bytes = memory->total;
    device.memory_used_bytes = memory->used;
  }
  device.throttle_reasons = throttle_names(gpu.ask<unsigned long long>(call.throttle_reasons).value_or(0));
  PcieLink link;
  link.width = whole(gpu.ask<unsigned>(call.link_width));
  link.max_width = whole(gpu.ask<unsigned>(call.max_link_width));
  link.speed_gts = generation_gts(gpu.ask<unsigned>(call.link_generation));
  link.max_speed_gts = generation_gts(gpu.ask<unsigned>(call.max_link_generation));
  if (link.width || link.max_width || link.speed_gts || link.max_speed_gts) device.pcie = link;
}

// "NVIDIA H100 80GB HBM3 MIG 1g.10gb" -> "1g.10gb".
std::string mig_profile(const std::string& name) {
  const size_t at = name.rfind("MIG ");
  return at == std::string::npos ? name : name.substr(at + 4);
}

void read_parts(Probe& gpu, const Nvml& nvml, DeviceSnapshot& device) {
  const Nvml::Functions& call = nvml.call();
  unsigned current = 0, pending = 0;
  if (call.mig_mode == nullptr || call.mig_mode(gpu.device(), &current, &pending) != kNvmlSuccess || current == 0) return;
  const unsigned places = std::min(gpu.ask<unsigned>(call.max_mig_devices).value_or(0), NvidiaReader::kMaxParts);
  for (unsigned i = 0; i < places; ++i) {
    const auto handle = gpu.ask<NvmlDevice>(call.mig_device, i);
    if (!handle) continue;  // an empty place
    Probe instance(nvml, *handle);
    DevicePart part;
    part.uuid = instance.text(call.uuid);
    const auto id = instance.ask<unsigned>(call.gpu_instance_id);
    part.name = "mig " + mig_profile(instance.text(call.name)) + " " + std::to_string(id.value_or(i));
    if (const auto memory = instance.ask<NvmlMemory>(call.memory)) {
      part.memory_total_bytes = memory->total;
      part.memory_used_bytes = memory->used;
    }
    device.parts.push_back(std::move(part));
  }
}

void read_processes(Probe& gpu, const SysTree& tree, DeviceSnapshot& device) {
  for (const NvmlProcess& process : gpu.processes()) {
    DeviceProcess& out = device.processes.emplace_back();
    out.pid = process.pid;
    out.command = SysTree::plain(tree.text_or_empty("/proc/" + std::to_string(process.pid) + "/comm"));
    if (process.used_memory != kNvmlValueNotAvailable) out.memory_bytes = process.used_memory;
  }
}

}  // namespace

NvidiaReader::NvidiaReader(const DeviceReaderOptions& options, std::string library) : tree_(options.sysroot), library_(std::move(library)) {
  if (!options.vendor_libraries) {
    source_ = "vendor libraries are switched off; NVIDIA GPUs are seen through " + library_ + " only";
    return;
  }
  auto opened = Nvml::open(library_);
  source_ = opened ? library_ : opened.error().message;
  if (opened) nvml_ = std::move(*opened);
}

std::vector<DeviceSnapshot> NvidiaReader::read() {
  std::vector<DeviceSnapshot> devices;
  if (!nvml_) return devices;
  devices = read_all();
  last_seen_.add_vanished(devices);
  return devices;
}

std::vector<DeviceSnapshot> NvidiaReader::read_all() {
  if (!nvml_->started()) {
    if (const Status status = nvml_->start(); !status) {
      source_ = status.error().message;
      return {};
    }
    std::array<char, kNvmlTextBytes> version{};
    const auto ask = nvml_->call().driver_version;
    driver_version_ = ask != nullptr && ask(version.data(), kNvmlTextBytes - 1) == kNvmlSuccess ? SysTree::plain(version.data()) : "";
    source_ = library_ + (driver_version_.empty() ? "" : ", driver " + driver_version_);
  }
  unsigned count = 0;
  if (const NvmlReturn value = nvml_->call().device_count(&count); value != kNvmlSuccess) {
    source_ = library_ + ": nvmlDeviceGetCount_v2: " + nvml_->error_text(value);
    nvml_->stop();  // a driver that was loaded anew wants a new start
    return {};
  }
  std::vector<DeviceSnapshot> devices;
  for (unsigned i = 0; i < std::min<size_t>(count, kMaxDevices); ++i) devices.push_back(read_one(i));
  by_index_.clear();
  for (const DeviceSnapshot& device : devices) by_index_.push_back(identity_of(device));
  return devices;
}

DeviceSnapshot NvidiaReader::read_one(unsigned index) const {
  const Nvml::Functions& call = nvml_->call();
  NvmlDevice handle = nullptr;
  if (const NvmlReturn value = call.device_by_index(index, &handle); value != kNvmlSuccess) return lost(index, nvml_->error_text(value));
  Probe gpu(*nvml_, handle);
  DeviceSnapshot device;
  device.kind = DeviceKind::kNvidia;
  device.name = "gpu" + std::to_string(index);
  device.driver_version = driver_version_;
  read_identity(gpu, call, tree_, device);
  read_figures(gpu, call, device);
  read_parts(gpu, *nvml_, device);
  read_processes(gpu, tree_, device);
  if (!gpu.lost().empty()) return lost(index, gpu.lost());
  if (device.uuid.empty() && device.bdf.empty()) device.unhealthy = "NVML tells neither its UUID nor its bus address; see nvidia-smi -q";
  return device;
}

DeviceSnapshot NvidiaReader::lost(unsigned index, const std::string& why) const {
  DeviceSnapshot device;
  if (index < by_index_.size()) {
    device = by_index_[index];
  } else {
    device.id = device.name = "gpu" + std::to_string(index);
  }
  device.kind = DeviceKind::kNvidia;
  device.driver_version = driver_version_;
  device.unhealthy = "NVML: " + why + "; reset it (nvidia-smi --gpu-reset) or restart the machine";
  return device;
}

std::unique_ptr<DeviceReader> make_nvidia_reader(const DeviceReaderOptions& options) { return std::make_unique<NvidiaReader>(options); }

}  // namespace ondol
