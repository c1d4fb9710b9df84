// `ondol model get`: fetches a known model, or finds that it is here already.
#pragma once

#include <string>

#include "app/cli.h"
#include "app/model_get.h"

namespace ondol {

struct ModelGetOptions {
  std::string name;
  std::string dir;
  std::string source;  // empty = all, in order
  std::string from;
  bool json = false;
};

void bind_model_get(CLI::App& command, ModelGetOptions& options);
// kInvalidArgument for an unknown name.
Result<GetRequest> get_request(const ModelGetOptions& options, const ModelDirs& dirs);
Status run_model_get(const ModelGetOptions& options);
void add_model_get(CLI::App& parent, Action& action);

// get_model with its progress and its refusals on stderr.
Result<GetResult> get_model_on_terminal(const GetRequest& request);

}  // namespace ondol
