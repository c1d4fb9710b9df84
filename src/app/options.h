// Command-line options that several commands share.
//
// Used by the commands' bind functions while the command line is declared; main thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/engine.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ondol {

Result<KvType> parse_kv_type(const std::string& text);
std::string kv_type_name(KvType type);

// An option that takes "2G" and the like.
CLI::Option* add_size_option(CLI::App& app, const std::string& name, uint64_t& value, const std::string& description);

// --threads --ctx --kv-bytes --kv-type --max-running --max-waiting --no-prefix-cache --step-tokens --mixed-prefill
void bind_engine_options(CLI::App& app, EngineOptions& options);

}  // namespace ondol
