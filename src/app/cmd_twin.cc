#include "app/cmd_twin.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <memory>

#include "app/floor_file.h"
#include "app/json_output.h"
#include "app/options.h"
#include "app/signals.h"
#include "app/table.h"

namespace ondol {

void print_floor(const TwinFloor& floor) {
  Table table;
  for (const char* title : {"ENGINE", "KIND", "MODEL", "DEVICES", "URL"}) table.column(title);
  for (const TwinListing& engine : floor.engines()) {
    table.row(
        {engine.name, engine.kind == TwinEngineKind::kVllm ? "vllm" : "furiosa-llm", engine.served_model, engine.devices, engine.url});
  }
  fmt::print("{}", table.render());
  for (const DeviceSnapshot& gpu : floor.gpus()) fmt::print("{}: {}, {}\n", gpu.name, gpu.product, gpu.id);
  if (!floor.tree().empty()) fmt::print("NPUs are in {}: ondol device list --sysroot {}\n", floor.tree(), floor.tree());
  fmt::print("control at {}: POST /twin/fault, GET /twin/floor\n", floor.control_url());
}

void bind_twin(CLI::App& command, TwinCommand& options) {
  command.add_option("--floor", options.floor, "Floor file (YAML)")->required();
  command.add_option("--tree", options.tree, "Folder for the /sys and /dev tree of the twin NPUs; it is removed at the end");
  command.add_option("--host", options.host, "Address that the engines listen on")->capture_default_str();
  add_int_option(command, "--port-base", options.port_base, kPortRange,
                 "Port of the control; engines without a port follow it (8100; 0 = any free ones)");
  command.add_option("--speed", options.speed, "How many times as fast as the real devices, instead of what the file says")
      ->check(CLI::Range(0.001, 1e6));
  command.add_flag("--json", options.json, "What listens where, as JSON");
  command.footer(
      "Serves until Ctrl-C or SIGTERM.\n"
      "Examples:\n"
      "  ondol twin --floor deploy/floors/rngd8-h100x2.yaml --tree /tmp/floor\n"
      "  ondol twin --floor deploy/floors/small.yaml --speed 20 --port-base 9000\n"
      "  curl -d '{\"engine\": \"llama-0\", \"kind\": \"slow\", \"factor\": 3, \"seconds\": 60}' localhost:8100/twin/fault");
}

Status run_twin(const TwinCommand& options) {
  ONDOL_TRY(FloorPlan plan, read_floor(options.floor));
  if (options.speed > 0) {
    plan.spec.speed = options.speed;
    for (PlannedEngine& engine : plan.engines) engine.options.speed = options.speed;
  }
  TwinFloorOptions floor_options;
  floor_options.host = options.host;
  floor_options.tree = options.tree;
  if (options.port_base >= 0) floor_options.port_base = options.port_base;
  StopSignals signals;
  ONDOL_TRY(const std::unique_ptr<TwinFloor> floor, TwinFloor::start(std::move(plan), floor_options));
  signals.arm();
  if (options.json) {
    print_json(boost::json::parse(floor_json(*floor)));
  } else {
    print_floor(*floor);
  }
  std::fflush(stdout);
  spdlog::info("signal {}: the twins end", signals.wait());
  return {};
}

void add_twin(CLI::App& root, Action& action) {
  CLI::App* command = root.add_subcommand("twin", "Run devices and engines that behave as real ones (a digital twin)");
  const auto options = std::make_shared<TwinCommand>();
  bind_twin(*command, *options);
  command->callback([options, &action] { action = [options] { return run_twin(*options); }; });
}

}  // namespace ondol
