#include "node/declared.h"

#include <algorithm>
#include <charconv>

namespace ondol {
namespace {

constexpr int kPesPerCard = 8;  // of an RNGD
constexpr int kMaxCard = 255;

std::optional<int> number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

std::unexpected<Error> wrong(const DeclaredEngine& engine, const std::string& what) {
  return fail(Code::kInvalidArgument, "engine " + quoted(engine.name) + ": " + what);
}

// "" for kinds that may run on any device.
std::string_view device_type_of(EndpointKind kind) {
  return kind == EndpointKind::kFuriosaLlm ? "npu" : kind == EndpointKind::kVllm ? "gpu" : kind == EndpointKind::kOndol ? "cpu" : "";
}

bool is_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && name[0] != '.' && std::ranges::all_of(name, allowed);
}

Status check_engine(const DeclaredEngine& engine) {
  if (!is_name(engine.name)) return wrong(engine, "a name is 1 to 64 letters, digits, '-', '_' and '.', and does not begin with '.'");
  if (engine.port == 0) return wrong(engine, "port is missing");
  if (engine.kind == EndpointKind::kBuiltin) return wrong(engine, "the built-in engine is no process; write kind: ondol");
  if (engine.command.empty() && engine.model.empty()) return wrong(engine, "model is missing");
  if (engine.command.empty() && engine.kind == EndpointKind::kOpenAi) return wrong(engine, "kind openai needs a command");
  const std::string_view type = device_type_of(engine.kind);
  for (const std::string& device : engine.devices) {
    const auto place = parse_device(device);
    if (!place) return wrong(engine, "there is no device " + quoted(device) + "; write npu:0, npu:0:2, npu:0:0-3, gpu:0 or cpu");
    if (!type.empty() && place->type != type) {
      return wrong(engine, std::string(endpoint_kind_name(engine.kind)) + " does not run on " + quoted(device));
    }
  }
  for (size_t i = 0; i < engine.devices.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (devices_overlap(engine.devices[i], engine.devices[k])) return wrong(engine, quoted(engine.devices[i]) + " is named twice");
    }
  }
  // Without --devices furiosa-llm takes every idle card, vLLM every GPU.
  if (engine.devices.empty() && (type == "npu" || type == "gpu")) return wrong(engine, "devices is missing");
  return {};
}

Status check_pair(const DeclaredEngine& a, const DeclaredEngine& b) {
  if (a.name == b.name) return wrong(b, "there are two of that name");
  if (a.port == b.port) return wrong(b, "port " + std::to_string(b.port) + " is also " + quoted(a.name) + "'s");
  for (const std::string& mine : a.devices) {
    for (const std::string& other : b.devices) {
      if (devices_overlap(mine, other)) return wrong(b, quoted(other) + " overlaps with " + quoted(mine) + " of " + quoted(a.name));
    }
  }
  return {};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

}  // namespace

std::optional<DevicePlace> parse_device(std::string_view name) {
  if (name == "cpu") return DevicePlace{.type = "cpu"};
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view type = name.substr(0, colon), rest = name.substr(colon + 1);
  if (type != "gpu" && type != "npu") return std::nullopt;
  DevicePlace place{.type = std::string(type)};
  const size_t second = type == "npu" ? rest.find(':') : std::string_view::npos;
  const auto card = number(rest.substr(0, second), kMaxCard);
  if (!card) return std::nullopt;
  place.card = *card;
  place.last = type == "npu" ? kPesPerCard - 1 : 0;
  if (second == std::string_view::npos) return place;
  const std::string_view pes = rest.substr(second + 1);
  const size_t dash = pes.find('-');
  const auto first = number(pes.substr(0, dash), kPesPerCard - 1);
  const auto last = dash == std::string_view::npos ? first : number(pes.substr(dash + 1), kPesPerCard - 1);
  if (!first || !last || *last < *first) return std::nullopt;
  place.first = *first;
  place.last = *last;
  place.whole = false;
  return place;
}

bool devices_overlap(const std::string& a, const std::string& b) {
  const auto x = parse_device(a), y = parse_device(b);
  if (!x || !y) return a == b;
  if (x->type == "cpu") return false;  // shared by the operating system
  return x->type == y->type && x->card == y->card && x->first <= y->last && y->first <= x->last;
}

Status check_declared(const DeclaredNode& node) {
  if (node.engines.size() > kMaxNodeEngines) return fail(Code::kInvalidArgument, "a node has at most 256 engines");
  for (size_t i = 0; i < node.engines.size(); ++i) {
    ONDOL_TRY_STATUS(check_engine(node.engines[i]));
    for (size_t k = 0; k < i; ++k) ONDOL_TRY_STATUS(check_pair(node.engines[k], node.engines[i]));
  }
  return {};
}

EngineCommand command_of(const DeclaredEngine& engine) {
  EngineCommand out{engine.command, engine.environment};
  const std::string port = std::to_string(engine.port);
  std::vector<std::string> gpus;
  for (const std::string& device : engine.devices) {
    if (device.starts_with("gpu:")) gpus.push_back(device.substr(4));
  }
  // An explicit command on GPUs is pinned as well; on NPUs it says itself which. CUDA's own order is by speed; the numbers here are NVML's,
  // which are by PCI address.
  if (!gpus.empty()) {
    out.environment["CUDA_VISIBLE_DEVICES"] = joined(gpus);
    out.environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
  }
  if (out.argv.empty()) {
    switch (engine.kind) {
      case EndpointKind::kFuriosaLlm:
        out.argv = {"furiosa-llm", "serve", engine.model, "--devices", joined(engine.devices), "--host", "127.0.0.1", "--port", port};
        break;
      case EndpointKind::kVllm: out.argv = {"vllm", "serve", engine.model, "--host", "127.0.0.1", "--port", port}; break;
      default: out.argv = {"ondol", "serve", "--model", engine.model, "--host", "127.0.0.1", "--port", port}; break;
    }
  }
  out.argv.insert(out.argv.end(), engine.arguments.begin(), engine.arguments.end());
  return out;
}

}  // namespace ondol
