// The engines of a floor as endpoints of the door: twins in this process, and what a node runs.
//
// Owner: the command that has the floor; it outlives the endpoints. Main thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/metering.h"
#include "cost/cost_model.h"
#include "door/door.h"
#include "node/node.h"
#include "twin/twin_floor.h"

namespace ondol {

// What a node says of its engines now; any thread.
using NodeReports = std::function<std::vector<EngineReport>()>;

// The twins of `floor` (null: none), metered on their devices by their own cost models, and the engines of `node`, ready or not; `reports`
// outlives the endpoints. A node's devices that are not there to be read are left out, with a warning: its answers carry no account.
Result<std::vector<DoorEndpoint>> floor_endpoints(const TwinFloor* floor, const DeclaredNode& node, const NodeReports& reports,
                                                  Metering& metering);

// "ready", "waiting: exit code 3": what is said of that engine; empty if nothing is.
std::string process_of(const std::vector<EngineReport>& reports, std::string_view engine);

// The cost model of an engine, as far as its devices and its model are known by name: "furiosa-ai/EXAONE-4.0-32B-FP8" on two cards that
// call themselves RNGD. None: it is not known.
std::optional<CostModel> guess_cost(const DeclaredEngine& engine, std::string_view product);

}  // namespace ondol
