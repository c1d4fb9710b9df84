// The `ondol` object of an answer's usage.
//
// Pure function; any thread.
#pragma once

#include <boost/json/object.hpp>

#include "meter/usage.h"

namespace ondol {

// energy_j, energy_source, device, device_seconds, queue_ms; cost_krw and co2_g where there is a price and a grid factor.
boost::json::object account_json(const UsageReport& account);

}  // namespace ondol
