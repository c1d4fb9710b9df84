#include "device/device_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "device/device_floor.h"
#include "device/rngd_files.h"
#include "device/sys_file.h"

namespace ondol {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxStateRead = size_t{2} << 20;  // more than is accepted, so that what is too long is seen to be
constexpr std::string_view kPowerLimit = "power_limit_mw", kGovernor = "npu_governor";

// The sysroot as it is remembered: the same wherever the command is run from; empty for the machine itself.
std::string root_of(const DeviceReaderOptions& options) {
  std::error_code error;
  std::string path = fs::absolute(options.sysroot, error).lexically_normal().string();
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

// Files that drivers made are written where they are; nothing is created.
Status write_setting(const std::string& path, const std::string& value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK);
  ssize_t written = -1;
  int error = errno;
  if (fd >= 0) {
    const std::string line = value + "\n";
    written = ::write(fd, line.data(), line.size());
    error = errno;
    ::close(fd);
  }
  if (written > 0) return {};
  const std::string what = "cannot write " + value + " to " + quoted(path, 200) + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM) return fail(Code::kPermissionDenied, what + "; run it as root");
  if (error == ENOENT) return fail(Code::kUnimplemented, what + "; its driver has no such setting, or debugfs is not mounted");
  return fail(Code::kFailedPrecondition, what + "; the device does not take this value");
}

Result<std::string> setting_path(const DeviceReaderOptions& options, const DeviceSnapshot& device, std::string_view setting) {
  const auto node = parse_rngd_node_name(device.name + "mgmt");
  if (device.kind != DeviceKind::kRngd || !node) {
    return fail(Code::kUnimplemented, ondol::quoted(device.name) + " has no settings that can be changed; RNGD cards with a driver have");
  }
  const std::string root = root_of(options);
  if (setting == kPowerLimit) return root + "/sys/kernel/debug/rngd/mgmt" + std::to_string(node->card) + "/power_limit_mw";
  if (setting != kGovernor) return fail(Code::kInvalidArgument, "there is no setting " + ondol::quoted(setting));
  const std::string entry = root + "/sys/class/rngd_mgmt/rngd!" + device.name;
  for (const char* spelling : {"mgmt", "_mgmt"}) {
    if (::access((entry + spelling).c_str(), F_OK) == 0) return entry + spelling + "/npu_governor";
  }
  return fail(Code::kUnimplemented,
              ondol::quoted(device.name) + " has no management entry in /sys/class/rngd_mgmt; its driver is not loaded");
}

// What the setting is now: the file says it itself, and the power limit is in the reading as well, for drivers whose file is write-only.
Result<std::string> current_value(const std::string& path, const DeviceSnapshot& device, std::string_view setting) {
  const Result<std::string> text = read_sys_file(path);
  if (text && !text->empty() && parse_rngd_text(*text)) return *text;
  if (setting == kPowerLimit && device.power_limit_w) return std::to_string(std::llround(*device.power_limit_w * 1000));
  const std::string why = text ? "it says " + ondol::quoted(*text) : text.error().message;
  return fail(text || text.error().code != Code::kPermissionDenied ? Code::kFailedPrecondition : Code::kPermissionDenied,
              "cannot read what " + quoted(path, 200) + " is now, so it could not be put back: " + why);
}

Result<std::vector<RememberedSetting>> read_state(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::vector<RememberedSetting>{};
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxStateRead, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  auto settings = parse_remembered(text);
  if (!settings) return fail(settings.error(), quoted(path, 200));
  return settings;
}

// Replaced as a whole: a crash leaves the old one or the new one.
Status write_state(const std::string& path, const std::vector<RememberedSetting>& settings) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const std::string scratch = path + ".new";
  const std::string text = format_remembered(settings);
  const int fd = ::open(scratch.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  written = written && ::rename(scratch.c_str(), path.c_str()) == 0;
  if (written) return {};
  return fail(Code::kUnavailable, "cannot remember the setting in " + quoted(path, 200) + ": " + std::strerror(errno) +
                                      "; nothing was changed. Set XDG_STATE_HOME to a folder that can be written to");
}

bool is_for(const RememberedSetting& entry, const std::string& sysroot, const std::string& device, std::string_view setting) {
  return entry.sysroot == sysroot && entry.device == device && entry.setting == setting;
}

// Remembers first, writes then: a crash in between leaves something to put back that is as it was.
Result<DeviceChange> change(const DeviceReaderOptions& options, const DeviceSnapshot& device, std::string_view setting,
                            const std::string& value, const std::string& state_file) {
  ONDOL_TRY(const std::string path, setting_path(options, device, setting));
  ONDOL_TRY(const std::string before, current_value(path, device, setting));
  ONDOL_TRY(std::vector<RememberedSetting> state, read_state(state_file));
  const std::string sysroot = root_of(options);
  const bool known = std::ranges::any_of(state, [&](const RememberedSetting& entry) { return is_for(entry, sysroot, device.id, setting); });
  if (!known && state.size() == kMaxRemembered)
    return fail(Code::kResourceExhausted, "too many settings are remembered; restore them first");
  const std::vector<RememberedSetting> old_state = state;
  if (!known) {
    state.push_back({sysroot, device.id, std::string(setting), before});
    ONDOL_TRY_STATUS(write_state(state_file, state));
  }
  if (const Status written = write_setting(path, value); !written) {
    if (!known) (void)write_state(state_file, old_state).has_value();
    return std::unexpected(written.error());
  }
  return DeviceChange{device.id, device.name, std::string(setting), before, value, path};
}

Result<DeviceChange> put_back(const DeviceReaderOptions& options, const std::vector<DeviceSnapshot>& devices,
                              const RememberedSetting& entry) {
  const DeviceSnapshot* device = find_device(devices, entry.device);
  if (device == nullptr) return fail(Code::kNotFound, "the device " + ondol::quoted(entry.device) + " is not here");
  ONDOL_TRY(const std::string path, setting_path(options, *device, entry.setting));
  const Result<std::string> now = current_value(path, *device, entry.setting);
  ONDOL_TRY_STATUS(write_setting(path, entry.before));
  return DeviceChange{device->id, device->name, entry.setting, now.value_or(""), entry.before, path};
}

}  // namespace

Result<std::vector<DeviceChange>> set_device(const DeviceReaderOptions& options, const DeviceSnapshot& device,
                                             const DeviceSettings& settings, const std::string& state_file) {
  const auto& [limit, governor] = settings;
  if (!limit && !governor) return fail(Code::kInvalidArgument, "nothing to set: give a power limit, a governor or both");
  if (limit && !(*limit > 0 && *limit <= kMaxPowerLimitW)) {
    return fail(Code::kInvalidArgument,
                "a power limit is more than 0 and at most " + std::to_string(static_cast<int>(kMaxPowerLimitW)) + " W");
  }
  if (governor && *governor != "performance" && *governor != "powersave") {
    return fail(Code::kInvalidArgument, "the governors are performance and powersave, not " + ondol::quoted(*governor));
  }
  std::vector<DeviceChange> changes;
  if (limit) {
    const std::string milliwatts = std::to_string(std::llround(*limit * 1000));
    ONDOL_TRY(DeviceChange done, change(options, device, kPowerLimit, milliwatts, state_file));
    changes.push_back(std::move(done));
  }
  if (governor) {
    Result<DeviceChange> done = change(options, device, kGovernor, *governor, state_file);
    if (!done) return fail(done.error(), changes.empty() ? "governor" : "the power limit was set; the governor was not");
    changes.push_back(std::move(*done));
  }
  return changes;
}

Result<RestoredDevices> restore_devices(const DeviceReaderOptions& options, const std::vector<DeviceSnapshot>& devices,
                                        std::string_view only, const std::string& state_file) {
  ONDOL_TRY(const std::vector<RememberedSetting> state, read_state(state_file));
  const std::string sysroot = root_of(options);
  const DeviceSnapshot* chosen = find_device(devices, only);
  const std::string wanted = chosen != nullptr ? chosen->id : std::string(only);
  RestoredDevices restored;
  std::vector<RememberedSetting> left;
  for (const RememberedSetting& entry : state) {
    if (entry.sysroot != sysroot || (!wanted.empty() && entry.device != wanted)) {
      left.push_back(entry);
      continue;
    }
    Result<DeviceChange> done = put_back(options, devices, entry);
    if (done) {
      restored.changes.push_back(std::move(*done));
    } else {
      restored.problems.push_back(entry.setting + " of " + entry.device + ": " + done.error().message);
      left.push_back(entry);
    }
  }
  if (!restored.changes.empty()) ONDOL_TRY_STATUS(write_state(state_file, left));
  return restored;
}

}  // namespace ondol
