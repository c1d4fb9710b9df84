// One process that serves one model: HTTP front, engine, signals. `ondol serve` and `ondol up` end here.
//
// Owner: the command; called once on the main thread, returns when the server has drained.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/access_options.h"
#include "app/api_models.h"
#include "base/error.h"
#include "base/metrics.h"
#include "door/door.h"
#include "engine/engine.h"
#include "gateway/api.h"

namespace CLI {
class App;
}

namespace ondol {

// What else a server knows of: devices beside those of this machine, and engines behind the door. Both outlive run_server.
struct FloorParts {
  std::vector<std::unique_ptr<DeviceReader>> devices = {};
  std::function<Result<std::vector<DoorEndpoint>>(Metering& metering)> endpoints = nullptr;
};

struct ServerConfig {
  std::string model;  // path or name, see resolve_model
  std::string name;   // public name; empty = the catalogue's or the file's
  std::string host = "127.0.0.1";
  int port = 8080;  // 0 = any free one
  int drain_s = 30;
  // `up` only: a floor file whose twins run beside, the folder for the tree of its NPUs, the port of its control (see TwinFloorOptions).
  std::string floor, floor_tree;
  int floor_port = 8100;
  std::string node;  // `up` only: a node file whose engines are kept running beside
  AccessOptions access;
  MeteringOptions metering;
  ModelsOptions models;
  EngineOptions engine;
};

// --name --host --port --drain, other models (api_models.h), who may reach it (access_options.h), and the engine's options.
void bind_server_options(CLI::App& app, ServerConfig& config);

// Listens at once (/health answers while the model loads, everything else 503), loads `model_path`, prints "listening on http(s)://..." on
// stdout when requests are served, and returns after SIGINT or SIGTERM once answers in progress have ended or `drain_s` has passed.
// `floor`: what is served and metered beside.
Status run_server(const ServerConfig& config, const std::string& model_path, const std::string& name, FloorParts floor = {});

// "http://127.0.0.1:8080", with brackets around an IPv6 address; https with `tls`.
std::string server_url(const std::string& host, int port, bool tls = false);

}  // namespace ondol
