// A small libnvidia-ml for tests, loaded by path: gpu 0 answers everything, gpu 1 has two MIG instances, gpu 2 is lost from the start.
// Built twice: with FAKE_NVML_OLD it is a library without energy, MIG, links, throttle reasons and processes.
#include <cstring>

#include "device/nvml_abi.h"

namespace {

using namespace ondol;

struct FakeGpu {
  const char* name;
  const char* uuid;
  unsigned long long memory_bytes;
  unsigned instance;  // of a MIG device
};

FakeGpu gpus[3] = {{"NVIDIA H100 80GB HBM3", "GPU-aaaa", 80ULL << 30, 0},
                   {"NVIDIA A100-SXM4-40GB", "GPU-bbbb", 40ULL << 30, 0},
                   {"NVIDIA L40S", "GPU-cccc", 48ULL << 30, 0}};
[[maybe_unused]] FakeGpu migs[2] = {{"NVIDIA A100-SXM4-40GB MIG 1g.5gb", "MIG-1111", 5ULL << 30, 7},
                                    {"NVIDIA A100-SXM4-40GB MIG 3g.20gb", "MIG-2222", 20ULL << 30, 2}};
unsigned count = 3;
int lost = 2;
int lost_while_asked = -1;
NvmlReturn init_value = kNvmlSuccess;
NvmlReturn count_value = kNvmlSuccess;
unsigned processes = 2;

const FakeGpu& gpu(NvmlDevice device) { return *reinterpret_cast<const FakeGpu*>(device); }
int index_of(NvmlDevice device) {
  for (int i = 0; i < 3; ++i) {
    if (&gpu(device) == &gpus[i]) return i;
  }
  return -1;
}
NvmlReturn write_text(const char* text, char* out, unsigned bytes) {
  if (std::strlen(text) >= bytes) return kNvmlInsufficientSize;
  std::strcpy(out, text);
  return kNvmlSuccess;
}
NvmlReturn write_value(unsigned* out, unsigned value) {
  *out = value;
  return kNvmlSuccess;
}

}  // namespace

extern "C" {

// For the tests.
void fake_nvml_reset() {
  count = 3;
  lost = 2;
  lost_while_asked = -1;
  init_value = count_value = kNvmlSuccess;
  processes = 2;
}
void fake_nvml_set(const char* what, int value) {
  if (std::strcmp(what, "count") == 0) count = static_cast<unsigned>(value);
  if (std::strcmp(what, "lost") == 0) lost = value;
  if (std::strcmp(what, "lost while asked") == 0) lost_while_asked = value;
  if (std::strcmp(what, "init") == 0) init_value = value;
  if (std::strcmp(what, "count value") == 0) count_value = value;
  if (std::strcmp(what, "processes") == 0) processes = static_cast<unsigned>(value);
}

NvmlReturn nvmlInit_v2() { return init_value; }
NvmlReturn nvmlShutdown() { return kNvmlSuccess; }
const char* nvmlErrorString(NvmlReturn value) {
  return value == kNvmlGpuIsLost ? "GPU is lost" : value == kNvmlDriverNotLoaded ? "Driver Not Loaded" : "Unknown Error";
}
NvmlReturn nvmlSystemGetDriverVersion(char* out, unsigned bytes) { return write_text("550.54.15", out, bytes); }
NvmlReturn nvmlDeviceGetCount_v2(unsigned* out) { return count_value != kNvmlSuccess ? count_value : write_value(out, count); }
NvmlReturn nvmlDeviceGetHandleByIndex_v2(unsigned index, NvmlDevice* out) {
  if (static_cast<int>(index) == lost) return kNvmlGpuIsLost;
  *out = reinterpret_cast<NvmlDevice>(&gpus[index]);
  return kNvmlSuccess;
}
NvmlReturn nvmlDeviceGetName(NvmlDevice device, char* out, unsigned bytes) { return write_text(gpu(device).name, out, bytes); }
NvmlReturn nvmlDeviceGetUUID(NvmlDevice device, char* out, unsigned bytes) { return write_text(gpu(device).uuid, out, bytes); }
NvmlReturn nvmlDeviceGetSerial(NvmlDevice, char* out, unsigned bytes) { return write_text("1654922000123", out, bytes); }
NvmlReturn nvmlDeviceGetPciInfo_v3(NvmlDevice device, NvmlPciInfo* out) {
  *out = {};
  out->bus = 0x3B + static_cast<unsigned>(index_of(device));
  return kNvmlSuccess;
}
NvmlReturn nvmlDeviceGetMinorNumber(NvmlDevice device, unsigned* out) { return write_value(out, static_cast<unsigned>(index_of(device))); }
NvmlReturn nvmlDeviceGetPowerUsage(NvmlDevice device, unsigned* out) {
  if (index_of(device) == lost_while_asked) return kNvmlGpuIsLost;
  return write_value(out, 312'500);
}
NvmlReturn nvmlDeviceGetEnforcedPowerLimit(NvmlDevice, unsigned* out) { return write_value(out, 700'000); }
NvmlReturn nvmlDeviceGetTemperature(NvmlDevice, unsigned sensor, unsigned* out) {
  return sensor == kNvmlTemperatureGpu ? write_value(out, 61) : kNvmlNotSupported;
}
NvmlReturn nvmlDeviceGetClockInfo(NvmlDevice, unsigned type, unsigned* out) {
  return type == kNvmlClockSm ? write_value(out, 1980) : type == kNvmlClockMemory ? write_value(out, 2619) : kNvmlNotSupported;
}
NvmlReturn nvmlDeviceGetUtilizationRates(NvmlDevice device, NvmlUtilization* out) {
  if (index_of(device) == 1) return kNvmlNotSupported;  // as with MIG
  *out = {87, 40};
  return kNvmlSuccess;
}
NvmlReturn nvmlDeviceGetMemoryInfo(NvmlDevice device, NvmlMemory* out) {
  *out = {gpu(device).memory_bytes, gpu(device).memory_bytes / 2, gpu(device).memory_bytes / 2};
  return kNvmlSuccess;
}

#ifndef FAKE_NVML_OLD
NvmlReturn nvmlDeviceGetVbiosVersion(NvmlDevice, char* out, unsigned bytes) { return write_text("96.00.74.00.01", out, bytes); }
NvmlReturn nvmlDeviceGetTotalEnergyConsumption(NvmlDevice, unsigned long long* out) {
  *out = 123'456'789;
  return kNvmlSuccess;
}
NvmlReturn nvmlDeviceGetCurrentClocksThrottleReasons(NvmlDevice, unsigned long long* out) {
  *out = 0x1 | kNvmlPowerCap | kNvmlThermal;
  return kNvmlSuccess;
}
NvmlReturn nvmlDeviceGetCurrPcieLinkWidth(NvmlDevice, unsigned* out) { return write_value(out, 8); }
NvmlReturn nvmlDeviceGetCurrPcieLinkGeneration(NvmlDevice, unsigned* out) { return write_value(out, 4); }
NvmlReturn nvmlDeviceGetMaxPcieLinkWidth(NvmlDevice, unsigned* out) { return write_value(out, 16); }
NvmlReturn nvmlDeviceGetMaxPcieLinkGeneration(NvmlDevice, unsigned* out) { return write_value(out, 5); }
NvmlReturn nvmlDeviceGetMigMode(NvmlDevice device, unsigned* current, unsigned* pending) {
  *pending = 0;
  return write_value(current, index_of(device) == 1 ? 1 : 0);
}
NvmlReturn nvmlDeviceGetMaxMigDeviceCount(NvmlDevice, unsigned* out) { return write_value(out, 7); }
NvmlReturn nvmlDeviceGetMigDeviceHandleByIndex(NvmlDevice, unsigned index, NvmlDevice* out) {
  if (index != 0 && index != 3) return kNvmlNotFound;
  *out = reinterpret_cast<NvmlDevice>(&migs[index == 0 ? 0 : 1]);
  return kNvmlSuccess;
}
NvmlReturn nvmlDeviceGetGpuInstanceId(NvmlDevice device, unsigned* out) { return write_value(out, gpu(device).instance); }
NvmlReturn nvmlDeviceGetComputeRunningProcesses_v3(NvmlDevice, unsigned* size, NvmlProcess* out) {
  const unsigned room = *size;
  *size = processes;
  if (room < processes) return kNvmlInsufficientSize;
  for (unsigned i = 0; i < processes; ++i) out[i] = {100 + i, i == 1 ? kNvmlValueNotAvailable : 1ULL << 30, 0, 0};
  return kNvmlSuccess;
}
#endif
}
