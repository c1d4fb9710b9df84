// What a device is taken to draw while it cannot be read: the cost model's figures of its product.
//
// Owner: pure function. Any thread.
#pragma once

#include "device/device.h"

namespace ondol {

struct DeviceWatts {
  double idle = 0, busy = 0;
};

// By kind and product. A product that the cost model does not know: its own power limit, and an eighth of that at rest, about
// what the GPUs' profiles have; without a limit, the profile that its kind is closest to.
DeviceWatts watts_of(const DeviceSnapshot& device);

}  // namespace ondol
