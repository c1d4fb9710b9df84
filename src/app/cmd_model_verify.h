// `ondol model verify`: compares the engine with recorded outputs of a reference implementation.
#pragma once

#include <string>

#include "app/cli.h"

namespace ondol {

struct ModelVerifyOptions {
  std::string dir;
  bool json = false;
};

void bind_model_verify(CLI::App& command, ModelVerifyOptions& options);
// kFailedPrecondition when the model computes, but not what was recorded.
Status run_model_verify(const ModelVerifyOptions& options);
void add_model_verify(CLI::App& parent, Action& action);

}  // namespace ondol
