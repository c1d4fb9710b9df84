// `ondol device list|top|watch`: what accelerators are here, and how they do.
#pragma once

#include "app/cli.h"
#include "device/device.h"

namespace ondol {

struct DeviceListOptions {
  DeviceReaderOptions reader;
  bool json = false;
};

struct DeviceWatchOptions {
  DeviceReaderOptions reader;
  double interval_s = 1;
  bool json = false;     // top
  bool once = false;     // top
  bool changes = false;  // watch
  int count = 0;         // watch: readings; 0 = until Ctrl-C
};

// --sysroot, --no-vendor-libraries.
void bind_device_reader(CLI::App& command, DeviceReaderOptions& options);
// kNotFound if the sysroot is no folder.
Status check_sysroot(const DeviceReaderOptions& options);

Status run_device_list(const DeviceListOptions& options);
Status run_device_top(const DeviceWatchOptions& options);
Status run_device_watch(const DeviceWatchOptions& options);

void add_device_list(CLI::App& parent, Action& action);
void add_device_top(CLI::App& parent, Action& action);
void add_device_watch(CLI::App& parent, Action& action);

}  // namespace ondol
