// `ondol node --file FILE` and `ondol node status`: keeps the engine processes of one machine.
#pragma once

#include <string>

#include "app/cli.h"
#include "device/device.h"

namespace ondol {

struct NodeOptions {
  std::string file;
  DeviceReaderOptions devices;
  int port = 8079;                            // of /node/status, on 127.0.0.1; 0 = any free one
  std::string url = "http://127.0.0.1:8079";  // status: of the node that is asked
  bool json = false;
};

Status run_node(const NodeOptions& options);
Status run_node_status(const NodeOptions& options);

void add_node(CLI::App& root, Action& action);

}  // namespace ondol
