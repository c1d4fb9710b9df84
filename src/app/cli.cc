#include "app/cli.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <memory>

#include "app/cmd_bench_engine.h"
#include "app/cmd_bench_serve.h"
#include "app/cmd_chat.h"
#include "app/cmd_cost.h"
#include "app/cmd_device.h"
#include "app/cmd_device_set.h"
#include "app/cmd_doctor.h"
#include "app/cmd_key.h"
#include "app/cmd_model_get.h"
#include "app/cmd_model_inspect.h"
#include "app/cmd_model_list.h"
#include "app/cmd_model_verify.h"
#include "app/cmd_node.h"
#include "app/cmd_serve.h"
#include "app/cmd_twin.h"
#include "app/cmd_up.h"
#include "base/version.h"

namespace ondol {
namespace {

void bind_log_level(CLI::App& root) {
  const auto set = [](const std::string& level) { spdlog::set_level(spdlog::level::from_str(level)); };
  root.add_option_function<std::string>("--log-level", set, "What is logged on stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->default_str("info")
      ->envname("ONDOL_LOG");
}

void start_logging() {
  auto logger = std::make_shared<spdlog::logger>("ondol", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_default_logger(std::move(logger));
}

// The deepest subcommand that was named, for the hint below a usage error.
std::string command_path(const CLI::App& root) {
  std::string path = "ondol";
  for (const CLI::App* at = &root; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  return path;
}

int usage_error(const CLI::App& root, const CLI::ParseError& error) {
  fmt::print(stderr, "ondol: {}\nSee the options and examples with: {} --help\n", error.what(), command_path(root));
  return kExitUsage;
}

}  // namespace

void declare_commands(CLI::App& root, Action& action) {
  root.description("Ondol serves large language models on the machines you have.");
  root.footer(
      "Start here:\n"
      "  ondol up                      fetch the default model if need be, and serve it\n"
      "  ondol chat \"Hello!\"           ask it\n"
      "  ondol doctor                  what this machine can run\n"
      "Every command has --help with examples.");
  root.set_version_flag("--version", "ondol " + std::string(kVersion));
  root.require_subcommand(1);
  root.fallthrough();
  bind_log_level(root);
  add_up(root, action);
  add_serve(root, action);
  add_chat(root, action);
  CLI::App* model = root.add_subcommand("model", "Fetch, list, look into and check model files");
  model->require_subcommand(1);
  add_model_get(*model, action);
  add_model_list(*model, action);
  add_model_inspect(*model, action);
  add_model_verify(*model, action);
  add_node(root, action);
  CLI::App* key = root.add_subcommand("key", "Make, list and revoke the API keys of a server");
  key->require_subcommand(1);
  add_key_create(*key, action);
  add_key_list(*key, action);
  add_key_revoke(*key, action);
  CLI::App* device = root.add_subcommand("device", "See the accelerators and CPUs of this machine, and change what they allow");
  device->require_subcommand(1);
  add_device_list(*device, action);
  add_device_top(*device, action);
  add_device_watch(*device, action);
  add_device_set(*device, action);
  CLI::App* bench = root.add_subcommand("bench", "Measure");
  bench->require_subcommand(1);
  add_bench_engine(*bench, action);
  add_bench_serve(*bench, action);
  add_twin(root, action);
  add_cost(root, action);
  add_doctor(root, action);
}

int run_cli(int argc, const char* const* argv) {
  try {
    start_logging();
    CLI::App root("", "ondol");
    Action action;
    declare_commands(root, action);
    try {
      root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return root.exit(error, std::cout, std::cerr);
      return usage_error(root, error);
    }
    const Status status = action();
    if (status) return kExitOk;
    fmt::print(stderr, "ondol: {}\n", status.error().message);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ondol: unexpected: {}\n", error.what());
  }
  return kExitFailed;
}

}  // namespace ondol
