// What a node runs, as the JSON that /node/status answers.
//
// Pure function; any thread.
#pragma once

#include <boost/json/value.hpp>
#include <vector>

#include "node/node.h"

namespace ondol {

// {"engines":[{"name","kind","model","port","devices","device_health","phase","phase_s","pid","failures","restarts","reason","log"}]}; pid
// is null without a process, log the end of what it printed, device_health [{"device","state","reason"}] for its NPUs and GPUs, with a
// state of device_standing_name.
boost::json::value node_status(const std::vector<EngineReport>& engines);

}  // namespace ondol
