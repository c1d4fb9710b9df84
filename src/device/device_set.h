// Changing what a device allows to be changed (power limit, governor), and putting it back.
//
// Owner: `ondol device set`; one process at a time changes a device. What a setting was before the first change is kept in a file, so that
// it can be put back later, after a restart too. Only RNGD cards can be changed so far; it needs root.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "device/device.h"

namespace ondol {

// One setting of one device, as it was and as it was written.
struct DeviceChange {
  std::string device;   // its id
  std::string name;     // "npu0", at that time
  std::string setting;  // "power_limit_mw" or "npu_governor"
  std::string before, after;
  std::string path;  // what was written to
};

struct DeviceSettings {
  std::optional<double> power_limit_w;  // more than 0, at most kMaxPowerLimitW
  std::optional<std::string> governor;  // "performance" or "powersave"
};
inline constexpr double kMaxPowerLimitW = 1000;

// $XDG_STATE_HOME/ondol/device-settings.json, else below ~/.local/state; the arguments are these two variables.
std::string device_state_path(const std::string& xdg_state_home, const std::string& home);

// Writes the settings to `device` (of a reading under `options`), remembering in `state_file` what was there. kInvalidArgument,
// kUnimplemented (the device has no such setting), kPermissionDenied, kFailedPrecondition (it refused; nothing of that setting changed).
Result<std::vector<DeviceChange>> set_device(const DeviceReaderOptions& options, const DeviceSnapshot& device,
                                             const DeviceSettings& settings, const std::string& state_file);

// Puts back everything that is remembered for this sysroot, or only for the device `only`. What could not be put back stays remembered,
// and is in `problems`.
struct RestoredDevices {
  std::vector<DeviceChange> changes;
  std::vector<std::string> problems;
};
Result<RestoredDevices> restore_devices(const DeviceReaderOptions& options, const std::vector<DeviceSnapshot>& devices,
                                        std::string_view only, const std::string& state_file);

// The file's content: what each changed setting was before. Bounded: kMaxRemembered entries, 1 MiB of text.
struct RememberedSetting {
  std::string sysroot, device, setting, before;
};
inline constexpr size_t kMaxRemembered = 4096;
Result<std::vector<RememberedSetting>> parse_remembered(std::string_view text);
std::string format_remembered(const std::vector<RememberedSetting>& settings);

}  // namespace ondol
