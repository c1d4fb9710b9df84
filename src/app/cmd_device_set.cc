#include "app/cmd_device_set.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <vector>

#include "app/cmd_device.h"
#include "app/json_output.h"
#include "app/paths.h"
#include "device/device_floor.h"

namespace ondol {
namespace {

boost::json::array changes_json(const std::vector<DeviceChange>& changes) {
  boost::json::array list;
  for (const DeviceChange& change : changes) {
    list.push_back(boost::json::object{{"device", change.device},
                                       {"name", change.name},
                                       {"setting", change.setting},
                                       {"before", change.before},
                                       {"after", change.after},
                                       {"path", change.path}});
  }
  return list;
}

void print_changes(const std::vector<DeviceChange>& changes, bool json) {
  if (json) return print_json(changes_json(changes));
  for (const DeviceChange& change : changes) {
    fmt::print("{} ({}): {} is {}, it was {}; written to {}\n", change.name, change.device, change.setting, change.after,
               change.before.empty() ? "unknown" : change.before, change.path);
  }
}

Status restore(const DeviceSetOptions& options, const std::vector<DeviceSnapshot>& devices, const std::string& state_file) {
  ONDOL_TRY(const RestoredDevices restored, restore_devices(options.reader, devices, options.device, state_file));
  print_changes(restored.changes, options.json);
  if (restored.changes.empty() && restored.problems.empty() && !options.json) fmt::print("nothing to put back: no setting is remembered\n");
  if (restored.problems.empty()) return {};
  std::string text;
  for (const std::string& problem : restored.problems) text += (text.empty() ? "" : "; ") + problem;
  return fail(Code::kFailedPrecondition, "not put back, and still remembered: " + text);
}

}  // namespace

Status run_device_set(const DeviceSetOptions& options) {
  ONDOL_TRY_STATUS(check_sysroot(options.reader));
  const std::string state_file = options.state_file.empty()
                                     ? device_state_path(process_environment("XDG_STATE_HOME"), process_environment("HOME"))
                                     : options.state_file;
  const std::vector<DeviceSnapshot> devices = DeviceFloor(options.reader).read();
  if (options.restore) return restore(options, devices, state_file);
  const DeviceSnapshot* device = find_device(devices, options.device);
  if (device == nullptr) {
    return fail(Code::kNotFound, "there is no device " + ondol::quoted(options.device) + ", or more than one; see: ondol device list");
  }
  ONDOL_TRY(const std::vector<DeviceChange> changes, set_device(options.reader, *device, options.settings, state_file));
  print_changes(changes, options.json);
  if (!options.json) fmt::print(stderr, "What was there before is remembered; put it back with: ondol device set --restore\n");
  return {};
}

void add_device_set(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("set", "Change the power limit or the governor of a device, or put them back (root)");
  const auto options = std::make_shared<DeviceSetOptions>();
  bind_device_reader(*command, options->reader);
  command->add_option("--device", options->device, "Its name (npu0), id, uuid, serial or PCI address");
  command->add_option("--power-limit", options->settings.power_limit_w, "Watts")->check(CLI::Range(1.0, kMaxPowerLimitW));
  command->add_option("--governor", options->settings.governor, "performance or powersave")
      ->check(CLI::IsMember({"performance", "powersave"}));
  command->add_flag("--restore", options->restore, "Put back what was there before the first change; of all devices without --device");
  command->add_flag("--json", options->json, "Machine-readable output");
  command->footer(
      "What was there is remembered in $XDG_STATE_HOME/ondol (else ~/.local/state/ondol).\n"
      "Examples:\n"
      "  ondol device set --device npu0 --power-limit 150 --governor powersave\n"
      "  ondol device set --restore --device npu0");
  command->callback([options, &action] {
    const bool sets = options->settings.power_limit_w || options->settings.governor;
    if (options->restore && sets) throw CLI::ValidationError("--restore", "takes no --power-limit and no --governor");
    if (!options->restore && options->device.empty()) throw CLI::ValidationError("--device", "is missing: which device to change");
    if (!options->restore && !sets) throw CLI::ValidationError("set", "give --power-limit, --governor or both, or --restore");
    action = [options] { return run_device_set(*options); };
  });
}

}  // namespace ondol
