// The YAML file of `ondol node`: which engines a machine runs.
//
// Pure functions; any thread. Strict: an unknown or repeated key, a wrong type or a number out of range is an error with its line; devices,
// ports and names that two engines share are errors as well. Files above 1 MiB are refused.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "node/declared.h"

namespace ondol {

Result<DeclaredNode> parse_node_file(std::string_view text, const std::string& origin);
Result<DeclaredNode> read_node_file(const std::string& path);

}  // namespace ondol
