// This machine's CPU, all sockets as one device: use, memory, clock, temperature, energy.
//
// Owner: as DeviceReader. Bounded: kMaxCpus cores, kMaxSensors temperatures, kMaxPolicies clocks are read. What RAPL does not let us read
// is unknown, not unhealthy; `source` says so.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device/device.h"
#include "device/proc_text.h"
#include "device/rapl.h"
#include "device/sys_tree.h"

namespace ondol {

class CpuReader final : public DeviceReader {
 public:
  static constexpr size_t kMaxSensors = 256, kMaxPolicies = 16;

  // The clock tells how much time the energy between two readings took; it outlives the reader.
  CpuReader(const DeviceReaderOptions& options, const Clock& clock) : tree_(options.sysroot), clock_(clock) {}

  // One device; none in a tree without /proc/stat.
  std::vector<DeviceSnapshot> read() override;
  std::string source() const override;

 private:
  void read_use(const ProcStat& stat, DeviceSnapshot& device);
  void read_energy(DeviceSnapshot& device);

  const SysTree tree_;
  const Clock& clock_;
  Rapl rapl_;
  std::optional<ProcStat> last_stat_;
  std::optional<double> last_energy_j_;
  int64_t last_us_ = 0;
};

}  // namespace ondol
