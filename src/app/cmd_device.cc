#include "app/cmd_device.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>

#include "app/device_table.h"
#include "app/json_output.h"
#include "device/device_floor.h"
#include "device/device_json.h"

namespace ondol {

void bind_device_reader(CLI::App& command, DeviceReaderOptions& options) {
  command.add_option("--sysroot", options.sysroot, "Folder that /sys, /dev and /proc are read under")->capture_default_str();
  command.add_flag("!--no-vendor-libraries", options.vendor_libraries, "Do not load libfuriosa_smi.so or libnvidia-ml.so.1");
}

Status check_sysroot(const DeviceReaderOptions& options) {
  std::error_code error;
  if (std::filesystem::is_directory(options.sysroot, error)) return {};
  return fail(Code::kNotFound, "--sysroot " + quoted(options.sysroot, 200) + " is not a folder");
}

Status run_device_list(const DeviceListOptions& options) {
  ONDOL_TRY_STATUS(check_sysroot(options.reader));
  DeviceFloor floor(options.reader);
  const std::vector<DeviceSnapshot> devices = floor.read();
  if (options.json) {
    boost::json::array list, sources;
    for (const DeviceSnapshot& device : devices) list.push_back(device_json(device));
    for (const std::string& source : floor.sources()) sources.push_back(boost::json::string(source));
    print_json(boost::json::object{{"devices", std::move(list)}, {"sources", std::move(sources)}});
    return {};
  }
  fmt::print("{}", device_list_table(devices));
  std::fflush(stdout);
  for (const std::string& source : floor.sources()) fmt::print(stderr, "read from: {}\n", source);
  return {};
}

void add_device_list(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("list", "List the accelerators and CPUs of this machine");
  const auto options = std::make_shared<DeviceListOptions>();
  bind_device_reader(*command, options->reader);
  command->add_flag("--json", options->json, "Machine-readable output, with everything that the devices tell");
  command->footer(
      "A device that cannot be used or trusted is listed as unhealthy, with the reason; it is no error.\n"
      "Examples:\n"
      "  ondol device list\n"
      "  ondol device list --json | jq -r '.devices[] | select(.healthy | not) | .name + \": \" + .unhealthy'");
  command->callback([options, &action] { action = [options] { return run_device_list(*options); }; });
}

}  // namespace ondol
