#include "app/cmd_model_list.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>

#include "app/json_output.h"
#include "app/sizes.h"
#include "app/table.h"

namespace ondol {
namespace fs = std::filesystem;

std::vector<ListedModel> list_models(const ModelDirs& dirs) {
  std::vector<ListedModel> models;
  for (const CatalogModel& model : catalog()) {
    models.push_back(
        {std::string(model.name), std::string(model.title), std::string(model.license), model.bytes, find_local(model, dirs), true});
  }
  std::vector<ListedModel> others;
  for (const std::string& dir : dirs.search) {
    std::error_code error;
    for (fs::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
      const fs::path& path = at->path();
      std::error_code size_error;
      if (path.extension() != ".gguf" || find_model(path.filename().string()) != nullptr) continue;
      const uint64_t bytes = fs::file_size(path, size_error);
      if (!size_error) others.push_back({path.stem().string(), "", "", bytes, path.string(), false});
    }
  }
  std::ranges::sort(others, {}, &ListedModel::path);
  models.insert(models.end(), others.begin(), others.end());
  return models;
}

Status run_model_list(const ModelListOptions& options, const ModelDirs& dirs) {
  const std::vector<ListedModel> models = list_models(dirs);
  if (options.json) {
    boost::json::array out;
    for (const ListedModel& model : models) {
      boost::json::object entry{
          {"name", model.name}, {"title", model.title}, {"known", model.known}, {"bytes", model.bytes}, {"license", model.license}};
      entry["path"] = model.path.empty() ? boost::json::value(nullptr) : boost::json::value(model.path);
      out.push_back(std::move(entry));
    }
    print_json(out);
    return {};
  }
  Table table;
  table.column("NAME");
  table.column("SIZE", Table::Align::kRight);
  table.column("LICENCE");
  table.column("WHERE");
  for (const ListedModel& model : models) {
    table.row(
        {model.name, format_size(model.bytes), model.license, model.path.empty() ? "- (ondol model get " + model.name + ")" : model.path});
  }
  fmt::print("{}", table.render());
  return {};
}

void add_model_list(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("list", "List the known models and the files on this machine");
  const auto options = std::make_shared<ModelListOptions>();
  command->add_flag("--json", options->json, "Machine-readable output");
  command->footer("Examples:\n  ondol model list\n  ondol model list --json | jq -r '.[].name'");
  command->callback([options, &action] { action = [options] { return run_model_list(*options, model_dirs()); }; });
}

}  // namespace ondol
