// The part of NVML's C interface that Ondol calls: values and layouts as NVIDIA's NVML API reference gives them. They are the library's
// stable ABI (a changed function gets a new suffix, _v2, _v3), so no header of NVIDIA's is needed to build.
#pragma once

namespace ondol {

using NvmlReturn = int;
inline constexpr NvmlReturn kNvmlSuccess = 0;
inline constexpr NvmlReturn kNvmlNotSupported = 3;
inline constexpr NvmlReturn kNvmlNotFound = 6;
inline constexpr NvmlReturn kNvmlInsufficientSize = 7;
inline constexpr NvmlReturn kNvmlDriverNotLoaded = 9;
inline constexpr NvmlReturn kNvmlGpuIsLost = 15;
inline constexpr NvmlReturn kNvmlResetRequired = 16;

struct NvmlDeviceHandle;
using NvmlDevice = NvmlDeviceHandle*;

inline constexpr unsigned kNvmlTemperatureGpu = 0;
inline constexpr unsigned kNvmlClockSm = 1, kNvmlClockMemory = 2;
inline constexpr unsigned kNvmlTextBytes = 96;  // the longest of names (96), UUIDs (96), serials (30), versions (80)
inline constexpr unsigned long long kNvmlValueNotAvailable = ~0ULL;

struct NvmlPciInfo {  // _v3
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(NvmlPciInfo) == 68);

struct NvmlMemory {  // bytes
  unsigned long long total, free, used;
};

struct NvmlUtilization {  // percent of the time, of the last sample period
  unsigned gpu, memory;
};

struct NvmlProcess {  // of nvmlDeviceGetComputeRunningProcesses_v3
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance, compute_instance;
};
static_assert(sizeof(NvmlProcess) == 24);

// nvmlDeviceGetCurrentClocksThrottleReasons
inline constexpr unsigned long long kNvmlPowerCap = 0x4, kNvmlHardwareSlowdown = 0x8, kNvmlSyncBoost = 0x10, kNvmlThermal = 0x20,
                                    kNvmlHardwareThermal = 0x40, kNvmlPowerBrake = 0x80, kNvmlDisplayClock = 0x100;

}  // namespace ondol
