#include "device/nvml.h"

#include <dlfcn.h>

namespace ondol {

Result<std::unique_ptr<Nvml>> Nvml::open(const std::string& library) {
  void* opened = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) {
    const char* why = ::dlerror();
    return fail(Code::kNotFound, library + " cannot be opened (" + (why == nullptr ? "unknown" : why) + "); install NVIDIA's driver");
  }
  std::unique_ptr<Nvml> nvml(new Nvml(opened, library));
  nvml->bind_functions();
  if (nvml->call_.init == nullptr || nvml->call_.device_count == nullptr || nvml->call_.device_by_index == nullptr) {
    return fail(Code::kUnimplemented, library + " lacks nvmlInit_v2 or nvmlDeviceGetCount_v2; install a driver of 2016 or later");
  }
  return nvml;
}

template <class F>
void Nvml::bind(const char* symbol, F& function) {
  function = reinterpret_cast<F>(::dlsym(library_, symbol));
}

void Nvml::bind_functions() {
  bind("nvmlInit_v2", call_.init);
  bind("nvmlShutdown", call_.shutdown);
  bind("nvmlErrorString", call_.error_string);
  bind("nvmlSystemGetDriverVersion", call_.driver_version);
  bind("nvmlDeviceGetCount_v2", call_.device_count);
  bind("nvmlDeviceGetHandleByIndex_v2", call_.device_by_index);
  bind("nvmlDeviceGetName", call_.name);
  bind("nvmlDeviceGetUUID", call_.uuid);
  bind("nvmlDeviceGetSerial", call_.serial);
  bind("nvmlDeviceGetVbiosVersion", call_.vbios_version);
  bind("nvmlDeviceGetPciInfo_v3", call_.pci_info);
  bind("nvmlDeviceGetMinorNumber", call_.minor_number);
  bind("nvmlDeviceGetPowerUsage", call_.power_usage_mw);
  bind("nvmlDeviceGetEnforcedPowerLimit", call_.power_limit_mw);
  bind("nvmlDeviceGetTotalEnergyConsumption", call_.energy_mj);
  bind("nvmlDeviceGetCurrentClocksThrottleReasons", call_.throttle_reasons);
  // The same under its later name.
  if (call_.throttle_reasons == nullptr) bind("nvmlDeviceGetCurrentClocksEventReasons", call_.throttle_reasons);
  bind("nvmlDeviceGetTemperature", call_.temperature_c);
  bind("nvmlDeviceGetClockInfo", call_.clock_mhz);
  bind("nvmlDeviceGetUtilizationRates", call_.utilization);
  bind("nvmlDeviceGetMemoryInfo", call_.memory);
  bind("nvmlDeviceGetCurrPcieLinkWidth", call_.link_width);
  bind("nvmlDeviceGetCurrPcieLinkGeneration", call_.link_generation);
  bind("nvmlDeviceGetMaxPcieLinkWidth", call_.max_link_width);
  bind("nvmlDeviceGetMaxPcieLinkGeneration", call_.max_link_generation);
  bind("nvmlDeviceGetMigMode", call_.mig_mode);
  bind("nvmlDeviceGetMaxMigDeviceCount", call_.max_mig_devices);
  bind("nvmlDeviceGetMigDeviceHandleByIndex", call_.mig_device);
  bind("nvmlDeviceGetGpuInstanceId", call_.gpu_instance_id);
  bind("nvmlDeviceGetComputeRunningProcesses_v3", call_.processes);
}

Nvml::~Nvml() {
  stop();
  ::dlclose(library_);
}

Status Nvml::start() {
  if (started_) return {};
  const NvmlReturn value = call_.init();
  if (value != kNvmlSuccess) return fail(Code::kUnavailable, name_ + ": nvmlInit_v2: " + error_text(value) + "; see nvidia-smi");
  started_ = true;
  return {};
}

void Nvml::stop() {
  if (started_ && call_.shutdown != nullptr) call_.shutdown();
  started_ = false;
}

std::string Nvml::error_text(NvmlReturn value) const {
  const char* text = call_.error_string == nullptr ? nullptr : call_.error_string(value);
  return text == nullptr ? "NVML error " + std::to_string(value) : text;
}

}  // namespace ondol
