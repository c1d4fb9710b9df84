// The YAML file of `ondol twin`: devices, the engines on them, faults (docs/floor.md).
//
// Pure functions; any thread. Strict: an unknown or repeated key, a wrong type or a number out of range is an error with its line. Files
// above 1 MiB, engines and faults beyond the limits of FloorSpec and FaultPlan are refused; the depth is that of the format.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "twin/floor.h"

namespace ondol {

// What is written, checked for itself only. Messages begin with "line N: ".
Result<FloorSpec> parse_floor(std::string_view text);

// Reads, parses and plans; messages begin with "FILE line N: ".
Result<FloorPlan> read_floor(const std::string& path);

}  // namespace ondol
