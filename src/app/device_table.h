// Devices as tables for terminals.
//
// Pure; any thread. What a device does not tell is "-".
#pragma once

#include <string>
#include <vector>

#include "device/device.h"

namespace ondol {

// Who is there: name, product, id, memory, versions, health.
std::string device_list_table(const std::vector<DeviceSnapshot>& devices);
// How they do: utilisation, power, temperature, clock, memory, what slows them, health.
std::string device_top_table(const std::vector<DeviceSnapshot>& devices);

}  // namespace ondol
