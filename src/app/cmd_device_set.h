// `ondol device set`: power limit and governor of a device, and putting them back.
#pragma once

#include <optional>
#include <string>

#include "app/cli.h"
#include "device/device_set.h"

namespace ondol {

struct DeviceSetOptions {
  DeviceReaderOptions reader;
  std::string device;
  DeviceSettings settings;
  bool restore = false;
  bool json = false;
  std::string state_file;  // empty: device_state_path of the environment
};

Status run_device_set(const DeviceSetOptions& options);
void add_device_set(CLI::App& parent, Action& action);

}  // namespace ondol
