// NVIDIA's management library, opened at run time where the driver has installed it.
//
// Owner: the NVIDIA reader. One thread at a time. A function that an older library lacks is a null pointer: what it would tell is unknown.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "device/nvml_abi.h"

namespace ondol {

class Nvml {
 public:
  using Count = NvmlReturn (*)(unsigned*);
  using Value = NvmlReturn (*)(NvmlDevice, unsigned*);
  using Value64 = NvmlReturn (*)(NvmlDevice, unsigned long long*);
  using ValueOf = NvmlReturn (*)(NvmlDevice, unsigned, unsigned*);
  using Text = NvmlReturn (*)(NvmlDevice, char*, unsigned);
  struct Functions {
    NvmlReturn (*init)() = nullptr;
    NvmlReturn (*shutdown)() = nullptr;
    const char* (*error_string)(NvmlReturn) = nullptr;
    NvmlReturn (*driver_version)(char*, unsigned) = nullptr;
    Count device_count = nullptr;
    NvmlReturn (*device_by_index)(unsigned, NvmlDevice*) = nullptr;
    Text name = nullptr, uuid = nullptr, serial = nullptr, vbios_version = nullptr;
    NvmlReturn (*pci_info)(NvmlDevice, NvmlPciInfo*) = nullptr;
    Value minor_number = nullptr;
    Value power_usage_mw = nullptr, power_limit_mw = nullptr;
    Value64 energy_mj = nullptr, throttle_reasons = nullptr;
    ValueOf temperature_c = nullptr, clock_mhz = nullptr;
    NvmlReturn (*utilization)(NvmlDevice, NvmlUtilization*) = nullptr;
    NvmlReturn (*memory)(NvmlDevice, NvmlMemory*) = nullptr;
    Value link_width = nullptr, link_generation = nullptr, max_link_width = nullptr, max_link_generation = nullptr;
    NvmlReturn (*mig_mode)(NvmlDevice, unsigned* current, unsigned* pending) = nullptr;
    Value max_mig_devices = nullptr;
    NvmlReturn (*mig_device)(NvmlDevice, unsigned index, NvmlDevice*) = nullptr;
    Value gpu_instance_id = nullptr;
    NvmlReturn (*processes)(NvmlDevice, unsigned* count, NvmlProcess*) = nullptr;
  };

  // kNotFound if there is no such library, kUnimplemented if it is not NVML. Does not start it.
  static Result<std::unique_ptr<Nvml>> open(const std::string& library);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // Once before any question; again after a failure. kUnavailable when the driver is not loaded.
  Status start();
  void stop();
  bool started() const { return started_; }

  const Functions& call() const { return call_; }
  // NVML's own words for a return value.
  std::string error_text(NvmlReturn value) const;

 private:
  Nvml(void* library, std::string name) : library_(library), name_(std::move(name)) {}
  void bind_functions();
  template <class F>
  void bind(const char* symbol, F& function);

  void* library_;
  std::string name_;
  Functions call_;
  bool started_ = false;
};

}  // namespace ondol
