// `ondol model list`: the known models and the files on this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/cli.h"
#include "app/paths.h"

namespace ondol {

struct ListedModel {
  std::string name;
  std::string title;
  std::string license;  // of known models
  uint64_t bytes = 0;
  std::string path;  // empty = not on this machine
  bool known = false;
};

// The catalogue, then other .gguf files in the search folders by name.
std::vector<ListedModel> list_models(const ModelDirs& dirs);

struct ModelListOptions {
  bool json = false;
};

Status run_model_list(const ModelListOptions& options, const ModelDirs& dirs);
void add_model_list(CLI::App& parent, Action& action);

}  // namespace ondol
