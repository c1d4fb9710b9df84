// What one accelerator (or this machine's CPU) is and how it does at one moment, whoever made it.
//
// Owner: value types, copied freely. Any thread. A field that the device does not tell is empty, never zero: "unknown" and "0 W" are
// different facts.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace ondol {

enum class DeviceKind { kRngd, kNvidia, kRebellions, kCpu };
std::string_view device_kind_name(DeviceKind kind);  // "rngd", "nvidia", "rebellions", "cpu"

// One processing element, or one core group that the device reports by itself.
struct DeviceCore {
  int index = 0;
  std::optional<bool> occupied;
  std::optional<double> utilization;  // 0..1, busy cycles over cycles since the previous reading; not of FLOPs
  std::optional<double> clock_mhz, tensor_clock_mhz;
  std::optional<uint64_t> memory_used_bytes, memory_total_bytes;
  std::optional<uint64_t> cycles, task_cycles;  // counters
};

// A part that can be leased by itself: a (fused) PE node of an RNGD, a MIG instance.
struct DevicePart {
  std::string name;  // "pe0-3", "mig 1g.10gb 7"
  std::string path;  // device node; may be empty
  std::string uuid;
  int first_core = 0, last_core = 0;
  std::optional<uint64_t> memory_total_bytes, memory_used_bytes;
};

struct DeviceProcess {
  int64_t pid = 0;
  std::string command;
  std::optional<uint64_t> memory_bytes;
};

struct PcieLink {
  std::optional<int> width, max_width;
  std::optional<double> speed_gts, max_speed_gts;
};

struct DeviceSnapshot {
  DeviceKind kind = DeviceKind::kCpu;
  // Who it is, by what survives a reboot: "GPU-..." or uuid, else serial, else BDF. `name` ("npu0") may change.
  std::string id, name;
  std::string product, uuid, serial, bdf;
  std::string driver_version, firmware_version;
  std::optional<int> numa_node;
  std::vector<std::string> nodes;  // device files
  // Empty if it is well; otherwise why it cannot be used or trusted, for a person to read.
  std::string unhealthy;

  std::optional<double> power_w, power_limit_w;
  std::optional<double> energy_j;                // a counter of the device's own, since some start
  std::map<std::string, double> temperatures_c;  // "peak", "ambient", ...
  std::vector<std::string> throttle_reasons;     // "thermal", "power cap", ...
  std::optional<std::string> governor;
  std::optional<double> utilization;  // 0..1
  std::optional<double> clock_mhz, memory_clock_mhz;
  std::optional<uint64_t> memory_total_bytes, memory_used_bytes;
  std::optional<PcieLink> pcie;
  std::optional<int> sriov_total_vfs, sriov_enabled_vfs;
  std::vector<DeviceCore> cores;
  std::vector<DevicePart> parts;
  std::vector<DeviceProcess> processes;
  // What only this maker's devices tell, as it is written there: "heartbeat", "pci_revision". For people and for support; nothing is
  // decided by it.
  std::map<std::string, std::string> details;
};

// Finds and reads the devices of one vendor.
//
// Owner: a DeviceFloor, or who made it. One thread at a time: keeps the counters of the previous reading for utilisation. Never fails for
// one bad device: that one is unhealthy. Bounded: kMaxDevices.
class DeviceReader {
 public:
  static constexpr size_t kMaxDevices = 256;
  virtual ~DeviceReader() = default;
  // All devices that are there, and those that were there in the last reading and have vanished ("unhealthy: ...", once).
  virtual std::vector<DeviceSnapshot> read() = 0;
  // What this reader uses, or why it finds nothing: "sysfs at /sys", "libnvidia-ml.so.1 is not installed".
  virtual std::string source() const = 0;
};

struct DeviceReaderOptions {
  std::string sysroot = "/";     // prefix of /sys, /dev and /proc, for a fabricated tree
  bool vendor_libraries = true;  // dlopen libfuriosa_smi.so and libnvidia-ml.so.1 where they are installed
};

std::unique_ptr<DeviceReader> make_rngd_reader(const DeviceReaderOptions& options);
std::unique_ptr<DeviceReader> make_nvidia_reader(const DeviceReaderOptions& options);
std::unique_ptr<DeviceReader> make_rebellions_reader(const DeviceReaderOptions& options);
std::unique_ptr<DeviceReader> make_cpu_reader(const DeviceReaderOptions& options);

}  // namespace ondol
