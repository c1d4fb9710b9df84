// What a node shall run: engines with their devices, as declared in a file. Value types and pure functions.
//
// Owner: the caller. Any thread. Bounded: kMaxNodeEngines, and what the reader of the file takes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "endpoint/endpoint.h"

namespace ondol {

inline constexpr size_t kMaxNodeEngines = 256;

struct DeclaredEngine {
  std::string name;
  EndpointKind kind = EndpointKind::kOndol;
  std::string model;
  uint16_t port = 0;                               // on 127.0.0.1
  std::vector<std::string> devices = {};           // "npu:0", "npu:0:2", "npu:0:0-3" (card, PEs), "gpu:0", "cpu"
  std::vector<std::string> arguments = {};         // more of them, at the end
  std::vector<std::string> command = {};           // instead of the kind's own command
  std::map<std::string, std::string> environment;  // beside the node's own
  int64_t ready_timeout_us = 900'000'000;          // from start to ready: large models load for minutes
  int64_t drain_us = 30'000'000;                   // from SIGTERM to SIGKILL

  bool operator==(const DeclaredEngine&) const = default;
};

struct DeclaredNode {
  std::string log_folder;  // empty = logs only in memory
  std::vector<DeclaredEngine> engines;
};

struct EngineCommand {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
};

// A device, or some PEs of an NPU, by its name in a declaration.
struct DevicePlace {
  std::string type;                   // "npu", "gpu", "cpu"
  int card = 0, first = 0, last = 0;  // PEs, both included
  bool whole = true;                  // no PE is named
};
std::optional<DevicePlace> parse_device(std::string_view name);

// kInvalidArgument, saying which engine: names, ports or devices that two engines share, devices that are none or not the kind's, a model
// or a port that is missing.
Status check_declared(const DeclaredNode& node);

// The process of a checked engine: pinned to exactly its devices.
EngineCommand command_of(const DeclaredEngine& engine);

// Whether two device names have a part in common. Both must be of the form above; anything else overlaps only with itself.
bool devices_overlap(const std::string& a, const std::string& b);

}  // namespace ondol
