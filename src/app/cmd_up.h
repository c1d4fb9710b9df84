// `ondol up`: everything in one process: picks a model, fetches it if need be, serves it.
#pragma once

#include <string>

#include "app/cli.h"
#include "app/paths.h"
#include "app/server_runner.h"

namespace ondol {

// The command line wins over ONDOL_MODEL, that over the config file, that over the defaults.
void bind_up(CLI::App& command, ServerConfig& config);

// The model to serve: `wanted` if it is not empty, else the default for `available_bytes`. Fetches a known one that is not here; when
// nobody asked for a certain one and it cannot be fetched, a smaller known one that is here will do.
Result<ResolvedModel> choose_model(const std::string& wanted, uint64_t available_bytes, const ModelDirs& dirs,
                                   const std::function<Result<std::string>(const CatalogModel&)>& fetch);

Status run_up(const ServerConfig& config);
void add_up(CLI::App& root, Action& action);

}  // namespace ondol
