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

// What the options (and the keys of the config file) accept.
struct IntRange {
  int min;
  int max;
};
inline constexpr IntRange kPortRange{0, 65535};
inline constexpr IntRange kDrainRange{0, 3600};  // seconds
inline constexpr IntRange kThreadsRange{0, 1024};
inline constexpr IntRange kContextRange{0, 1 << 24};
inline constexpr IntRange kRunningRange{1, 4096};
inline constexpr IntRange kWaitingRange{0, 1 << 20};
inline constexpr IntRange kStepTokensRange{1, 1 << 16};
struct NumberRange {
  double min;
  double max;
};
inline constexpr NumberRange kSlowdownRange{0, 1000};

Result<KvType> parse_kv_type(const std::string& text);
std::string kv_type_name(KvType type);

CLI::Option* add_int_option(CLI::App& app, const std::string& name, int& value, IntRange range, const std::string& description);

// An option that takes "2G" and the like.
CLI::Option* add_size_option(CLI::App& app, const std::string& name, uint64_t& value, const std::string& description);

// --threads --ctx --kv-bytes --kv-type --max-running --max-waiting --no-prefix-cache --step-tokens --mixed-prefill
// --stream-slowdown
void bind_engine_options(CLI::App& app, EngineOptions& options);

}  // namespace ondol
