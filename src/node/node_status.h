// What a node runs, as the JSON that /node/status answers.
//
// Pure function; any thread.
#pragma once

#include <boost/json/value.hpp>
#include <vector>

#include "node/node.h"

namespace ondol {

// {"engines":[{"name","kind","model","port","devices","phase","phase_s","pid","failures","restarts","reason","log"}]}; pid is null without
// a process, log the end of what it printed.
boost::json::value node_status(const std::vector<EngineReport>& engines);

}  // namespace ondol
