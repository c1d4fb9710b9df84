// NVIDIA GPUs and their MIG instances, as NVML tells of them.
//
// Owner: as DeviceReader. Bounded: kMaxDevices GPUs, kMaxParts MIG instances and kMaxProcesses processes of each. The figures of power and
// energy are the whole board's, with MIG too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "device/last_seen.h"
#include "device/nvml.h"
#include "device/sys_tree.h"

namespace ondol {

class NvidiaReader final : public DeviceReader {
 public:
  static constexpr unsigned kMaxParts = 64, kMaxProcesses = 1024;

  // `library`: a name for dlopen, or a path.
  explicit NvidiaReader(const DeviceReaderOptions& options, std::string library = "libnvidia-ml.so.1");

  std::vector<DeviceSnapshot> read() override;
  std::string source() const override { return source_; }

 private:
  std::vector<DeviceSnapshot> read_all();
  DeviceSnapshot read_one(unsigned index) const;
  DeviceSnapshot lost(unsigned index, const std::string& why) const;

  const SysTree tree_;
  const std::string library_;
  std::unique_ptr<Nvml> nvml_;  // null: `source_` says why
  std::string source_, driver_version_;
  std::vector<DeviceSnapshot> by_index_;  // who answered at each index last: a lost GPU tells its name no more
  LastSeen last_seen_;
};

}  // namespace ondol
