#include "app/paths.h"

#include <cstdlib>
#include <filesystem>

namespace ondol {
namespace fs = std::filesystem;

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

ModelDirs model_dirs(const EnvLookup& environment) {
  ModelDirs dirs;
  if (const std::string own = environment("ONDOL_MODELS"); !own.empty()) {
    dirs.download = own;
  } else if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) {
    dirs.download = cache + "/ondol/models";
  } else if (const std::string home = environment("HOME"); !home.empty()) {
    dirs.download = home + "/.cache/ondol/models";
  } else {
    dirs.download = "models";
  }
  dirs.search.push_back(dirs.download);
  std::error_code ignored;
  if (dirs.download != "models" && fs::is_directory("models", ignored)) dirs.search.emplace_back("models");
  return dirs;
}

std::string find_local(const CatalogModel& model, const ModelDirs& dirs) {
  for (const std::string& dir : dirs.search) {
    const fs::path path = fs::path(dir) / model.file;
    std::error_code error;
    if (fs::is_regular_file(path, error) && fs::file_size(path, error) == model.bytes && !error) return path.string();
  }
  return "";
}

namespace {

std::string public_name(const fs::path& path) {
  const fs::path clean = path.has_filename() ? path : path.parent_path();
  return clean.extension() == ".gguf" || clean.extension() == ".e5s1" ? clean.stem().string() : clean.filename().string();
}

}  // namespace

Result<ResolvedModel> resolve_model(std::string_view argument, const ModelDirs& dirs) {
  if (argument.empty()) return fail(Code::kInvalidArgument, "the model name is empty; known names: " + catalog_names());
  std::error_code ignored;
  if (const CatalogModel* model = find_model(argument); model != nullptr) {
    if (std::string path = find_local(*model, dirs); !path.empty()) return ResolvedModel{std::move(path), std::string(model->name)};
    if (!fs::exists(argument, ignored)) {
      return fail(Code::kNotFound,
                  std::string(model->name) + " is not on this machine; fetch it with: ondol model get " + std::string(model->name));
    }
  }
  if (fs::exists(argument, ignored)) return ResolvedModel{std::string(argument), public_name(fs::path(argument))};
  if (argument.find('/') == std::string_view::npos) {
    for (const std::string& dir : dirs.search) {
      for (const std::string_view suffix : {"", ".gguf", ".e5s1"}) {
        const fs::path path = fs::path(dir) / (std::string(argument) + std::string(suffix));
        if (fs::exists(path, ignored)) return ResolvedModel{path.string(), public_name(path)};
      }
    }
  }
  return fail(Code::kNotFound, "there is no file, folder or known model " + quoted(argument, 200) + "; known names: " + catalog_names());
}

}  // namespace ondol
