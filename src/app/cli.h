// The command line of `ondol`: declares all subcommands, parses, runs one.
//
// Owner: main, called once on the main thread. Bounded by the process arguments.
#pragma once

#include <functional>

#include "base/error.h"

namespace CLI {
class App;
}

namespace ondol {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// What parsing chose to do.
using Action = std::function<Status()>;

// Declares every subcommand and global option on `root`; parsing stores the chosen command in `action`, which must outlive `root`.
void declare_commands(CLI::App& root, Action& action);

// Parses and runs; the exit code (0 done, 1 failed, 2 wrong use).
int run_cli(int argc, const char* const* argv);

}  // namespace ondol
