#include "app/cmd_up.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "app/cmd_model_get.h"
#include "app/cmd_twin.h"
#include "app/config_file.h"
#include "app/floor_endpoints.h"
#include "app/floor_file.h"
#include "app/memory_need.h"
#include "app/node_file.h"
#include "app/node_runner.h"
#include "app/options.h"
#include "app/sizes.h"

namespace ondol {
namespace {

Result<std::string> fetch_on_terminal(const CatalogModel& model, const ModelDirs& dirs) {
  spdlog::info("{} ({}) is not here yet: fetching it. Licence {}", model.title, format_size(model.bytes), model.license);
  ModelGetOptions options;
  options.name = std::string(model.name);
  ONDOL_TRY(const GetRequest request, get_request(options, dirs));
  ONDOL_TRY(const GetResult result, get_model_on_terminal(request));
  spdlog::info("{}", model.notice);
  return result.path;
}

// Null without one.
Result<std::unique_ptr<TwinFloor>> start_floor(const ServerConfig& config) {
  if (config.floor.empty()) return nullptr;
  ONDOL_TRY(FloorPlan plan, read_floor(config.floor));
  TwinFloorOptions options;
  options.host = config.host;
  options.tree = config.floor_tree;
  options.port_base = config.floor_port;
  ONDOL_TRY(std::unique_ptr<TwinFloor> floor, TwinFloor::start(std::move(plan), options));
  print_floor(*floor);
  return floor;
}

FloorParts parts_of(const TwinFloor* floor, const DeclaredNode& declared, const NodeRunner* node) {
  FloorParts out;
  if (floor != nullptr) {
    out.devices.push_back(make_twin_gpu_reader(*floor));
    if (!floor->tree().empty()) out.devices.push_back(make_rngd_reader({.sysroot = floor->tree(), .vendor_libraries = false}));
  }
  if (floor == nullptr && node == nullptr) return out;
  out.endpoints = [floor, declared, node](Metering& metering) {
    return floor_endpoints(floor, declared, [node] { return node->report(); }, metering);
  };
  return out;
}

}  // namespace

void bind_up(CLI::App& command, ServerConfig& config) {
  // First, so that what the command line says is stored over what the file says.
  const auto load = [&config](const std::string& path) {
    if (const Status status = read_config(path, config); !status) throw CLI::ValidationError("--config", status.error().message);
  };
  command.add_option_function<std::string>("--config", load, "YAML file with the keys below");
  command.add_option("--model", config.model, "Known name, .gguf file or folder; without it the largest default that fits in memory")
      ->envname("ONDOL_MODEL");
  command.add_option("--floor", config.floor,
                     "Floor file: its twins of NPUs and GPUs, and the engines on them, run beside (docs/floor.md)");
  command.add_option("--floor-tree", config.floor_tree, "Folder for the /sys and /dev tree of the floor's NPUs; it is removed at the end");
  add_int_option(command, "--floor-port", config.floor_port, kPortRange,
                 "Port of the floor's control; engines without a port follow it; 0 = any free ones");
  command.add_option("--node", config.node, "Node file: its engine processes are kept running beside (docs/node.md)");
  bind_server_options(command, config);
  command.footer("Config file keys (key: value, one a line; unknown ones are errors):\n" + config_keys_help() +
                 "Examples:\n"
                 "  ondol up\n"
                 "  ondol up --model smollm2-135m --port 9000\n"
                 "  ondol up --config ondol.yaml\n"
                 "  ondol up --floor deploy/floors/rngd8-h100x2.yaml --floor-tree /dev/shm/floor\n"
                 "  ondol up --node node.yaml\n"
                 "Then: ondol chat \"Hello!\"");
}

Result<ResolvedModel> choose_model(const std::string& wanted, uint64_t available_bytes, const ModelDirs& dirs,
                                   const std::function<Result<std::string>(const CatalogModel&)>& fetch) {
  const CatalogModel* model = wanted.empty() ? &default_model(available_bytes) : find_model(wanted);
  if (model == nullptr) return resolve_model(wanted, dirs);
  const std::string name(model->name);
  if (std::string path = find_local(*model, dirs); !path.empty()) return ResolvedModel{std::move(path), name};
  Result<std::string> fetched = fetch(*model);
  if (fetched) return ResolvedModel{std::move(*fetched), name};
  if (wanted.empty()) {
    for (const CatalogModel& other : catalog()) {
      std::string path = other.chats && other.bytes < model->bytes ? find_local(other, dirs) : "";
      if (path.empty()) continue;
      spdlog::warn("{} cannot be fetched ({}); serving {}, which is here", name, fetched.error().message, other.name);
      return ResolvedModel{std::move(path), std::string(other.name)};
    }
  }
  return std::unexpected(fetched.error());
}

Status run_up(const ServerConfig& config) {
  DeclaredNode declared;
  if (!config.node.empty()) {
    ONDOL_TRY(declared, read_node_file(config.node));
  }
  ONDOL_TRY(const std::unique_ptr<TwinFloor> floor, start_floor(config));
  ONDOL_TRY(const MachineMemory memory, machine_memory());
  const ModelDirs dirs = model_dirs();
  ONDOL_TRY(const ResolvedModel model, choose_model(config.model, memory.available_bytes, dirs,
                                                    [&](const CatalogModel& known) { return fetch_on_terminal(known, dirs); }));
  spdlog::info("serving {} from {} ({} of memory free)", model.name, model.path, format_size(memory.available_bytes));
  // After the model was fetched, which other processes do: from here on this thread starts none (see NodeRunner). It outlives the server.
  std::unique_ptr<NodeRunner> node;
  if (!config.node.empty()) {
    node = std::make_unique<NodeRunner>();
    ONDOL_TRY_STATUS(node->start(declared));
  }
  const Status served =
      run_server(config, model.path, config.name.empty() ? model.name : config.name, parts_of(floor.get(), declared, node.get()));
  if (node != nullptr) node->stop();
  return served;
}

void add_up(CLI::App& root, Action& action) {
  CLI::App* command = root.add_subcommand("up", "Fetch a model if need be, and serve it: all in one process");
  const auto config = std::make_shared<ServerConfig>();
  bind_up(*command, *config);
  command->callback([config, &action] { action = [config] { return run_up(*config); }; });
}

}  // namespace ondol
