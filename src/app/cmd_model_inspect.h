// `ondol model inspect`: what a model file says about itself.
#pragma once

#include <string>

#include "app/cli.h"

namespace ondol {

struct ModelInspectOptions {
  std::string model;
  bool json = false;
  bool tensors = false;
};

void bind_model_inspect(CLI::App& command, ModelInspectOptions& options);
Status run_model_inspect(const ModelInspectOptions& options);
void add_model_inspect(CLI::App& parent, Action& action);

}  // namespace ondol
