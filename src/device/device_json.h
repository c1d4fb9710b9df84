// A device as JSON, for `ondol device --json`, for pages and for other programs.
//
// Pure; any thread. Every field is there: what the device does not tell is null (or an empty list), never zero. Units are in the names.
#pragma once

#include <boost/json/object.hpp>

#include "device/device.h"

namespace ondol {

boost::json::object device_json(const DeviceSnapshot& device);

}  // namespace ondol
