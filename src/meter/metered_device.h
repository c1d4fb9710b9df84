// A metered device as an engine's bookkeeper sees it.
//
// Owner: copied freely; shares the meter. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "meter/energy_metrics.h"
#include "meter/meter.h"
#include "meter/usage.h"

namespace ondol {

// Its name, whose joules they are, and a way to read it at once, so that an account which is closed now is complete.
struct MeteredDevice {
  std::string name;
  std::shared_ptr<DeviceMeter> meter;
  std::function<void()> settle;
  std::shared_ptr<const PriceTable> prices;
  std::shared_ptr<EnergyMetrics> metrics;  // null: none
};

}  // namespace ondol
