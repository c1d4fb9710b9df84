// The YAML config file of `ondol up`.
//
// Pure functions; any thread. Strict: an unknown or repeated key, a wrong type or a number out of range is an error with its line. Files
// above 1 MiB are refused.
#pragma once

#include <string>
#include <string_view>

#include "app/server_runner.h"
#include "base/error.h"

namespace ondol {

// Puts what the text says into `config`; keys that it does not name are left alone. `origin` is the file's name for messages.
Status parse_config(std::string_view text, const std::string& origin, ServerConfig& config);
Status read_config(const std::string& path, ServerConfig& config);

// The keys with their meaning, one a line, for --help.
std::string config_keys_help();

}  // namespace ondol
