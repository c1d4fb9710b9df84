// Rebellions' NPUs: which are here from /sys, how they do from `rbln-stat` where it is installed.
//
// Owner: as DeviceReader. Bounded: the tool is run at most once a second (its last answer stands in between), without a shell, for two
// seconds at most, and not at all while the bus shows no such device. A tree other than "/" is read, never run from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device/device.h"
#include "device/last_seen.h"
#include "device/rbln_stat.h"
#include "device/sys_tree.h"
#include "device/tool_process.h"

namespace ondol {

class RebellionsReader final : public DeviceReader {
 public:
  // `tool`: the path of rbln-stat; empty if there is none. The clock outlives the reader.
  RebellionsReader(const DeviceReaderOptions& options, std::string tool, const Clock& clock);

  std::vector<DeviceSnapshot> read() override;
  std::string source() const override;

 private:
  std::vector<DeviceSnapshot> read_bus() const;
  std::optional<DeviceSnapshot> read_function(const std::string& bdf) const;
  void ask_tool();
  void add_report(std::vector<DeviceSnapshot>& devices);

  const SysTree tree_;
  ToolProcess tool_;
  const Clock& clock_;
  std::optional<int64_t> asked_us_;
  std::optional<RblnReport> report_;
  std::string tool_error_;
  std::map<std::string, DeviceSnapshot> told_;  // who is at each BDF, so that a device keeps its id while the tool fails
  LastSeen last_seen_;
};

}  // namespace ondol
