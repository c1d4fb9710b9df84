// Where models lie on this machine, and what a `--model` argument means.
//
// Pure functions over the environment and the file system; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/model_catalog.h"
#include "base/error.h"

namespace ondol {

// Looks an environment variable up; empty if unset.
using EnvLookup = std::function<std::string(const char* name)>;
std::string process_environment(const char* name);

struct ModelDirs {
  std::string download;             // $ONDOL_MODELS, else $XDG_CACHE_HOME/ondol/models, else ~/.cache/ondol/models
  std::vector<std::string> search;  // the download folder, then ./models if it exists
};
ModelDirs model_dirs(const EnvLookup& environment = process_environment);

// A catalogue model's file: the first in the search folders that has the right size (its hash was checked when it was fetched); empty if
// none.
std::string find_local(const CatalogModel& model, const ModelDirs& dirs);

struct ResolvedModel {
  std::string path;
  std::string name;  // the public name: the catalogue's, else the file or folder name without ".gguf"
};

// A catalogue name, a path, or the name of a file or folder in a search folder. kNotFound says how to get it, or which names there are.
Result<ResolvedModel> resolve_model(std::string_view argument, const ModelDirs& dirs);

}  // namespace ondol
