// The models of a server: one that is there when it starts, others that are loaded when they are asked for, and one for embeddings.
//
// Owner: run_server. Main thread, but for the loaders that it hands to the API.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/metering.h"
#include "app/paths.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "gateway/api.h"

namespace CLI {
class App;
}

namespace ondol {

struct ModelsOptions {
  std::vector<std::string> also;  // paths or names of more chat models
  std::string embeddings;         // path or name of an embedding model; empty = none
  int idle_unload_s = 0;          // 0 = never
  int max_loaded = 0;             // 0 = as many as fit
};

// --also --embeddings --idle-unload --max-loaded
void bind_models_options(CLI::App& app, ModelsOptions& options);

// Opens a model and starts its engine. A chat template that cannot be read is logged and left out; a model without a tokenizer is an error.
Result<ServedModel> load_model(const std::string& path, const std::string& name, const EngineOptions& options, Registry& metrics,
                               Metering& metering, const std::function<void(double)>& progress);

// `first`: the model that is loaded already, from `first_path`. Opens the embedding model; the others are only looked up. `metrics`
// and `metering` outlive the API. Errors: a name that is not there (says how to get it), or twice.
Result<ApiModels> make_api_models(ServedModel first, const std::string& first_path, const ModelsOptions& options,
                                  const EngineOptions& engine, const ModelDirs& dirs, Registry& metrics, Metering& metering);

}  // namespace ondol
