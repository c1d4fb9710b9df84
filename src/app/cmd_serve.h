// `ondol serve`: serves one model over the OpenAI-compatible API.
#pragma once

#include "app/cli.h"
#include "app/server_runner.h"

namespace ondol {

void bind_serve(CLI::App& command, ServerConfig& config);
Status run_serve(const ServerConfig& config);
void add_serve(CLI::App& root, Action& action);

}  // namespace ondol
