#include "app/cmd_serve.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/paths.h"

namespace ondol {

void bind_serve(CLI::App& command, ServerConfig& config) {
  command.add_option("--model", config.model, "A .gguf file, a Hugging Face folder, or a known name (`ondol model list`)")->required();
  bind_server_options(command, config);
  command.footer(
      "Examples:\n"
      "  ondol serve --model qwen2.5-coder-1.5b\n"
      "  ondol serve --model ./models/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf --name coder --port 9000\n"
      "  ondol serve --model smollm2-135m --kv-bytes 512M --kv-type q8 --threads 2\n"
      "Then: curl http://127.0.0.1:8080/v1/models, or `ondol chat`. SIGTERM and Ctrl-C let answers in progress end first.");
}

Status run_serve(const ServerConfig& config) {
  ONDOL_TRY(const ResolvedModel model, resolve_model(config.model, model_dirs()));
  return run_server(config, model.path, config.name.empty() ? model.name : config.name);
}

void add_serve(CLI::App& root, Action& action) {
  CLI::App* command = root.add_subcommand("serve", "Serve a model over the OpenAI-compatible API");
  const auto config = std::make_shared<ServerConfig>();
  bind_serve(*command, *config);
  command->callback([config, &action] { action = [config] { return run_serve(*config); }; });
}

}  // namespace ondol
