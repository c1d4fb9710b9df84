#include "app/floor_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <vector>

#include "cost/device_profile.h"

namespace ondol {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr double kMaxSeconds = 1e9;

std::unexpected<Error> wrong(int line, const std::string& what) {
  return fail(Code::kInvalidArgument, fmt::format("line {}: {}", line, what));
}

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

// One key of a mapping: its name, and what stores its value. The error is the part of the message behind "line N: key".
struct Key {
  std::string_view name;
  std::function<Status(const YAML::Node& value)> store;
};

// Everything of a mapping goes to one of `keys`, each at most once. A list inside has its own lines: its errors pass as they are.
Status read_mapping(const YAML::Node& node, std::string_view what, const std::vector<Key>& keys) {
  if (!node.IsMap()) return wrong(line_of(node), std::string(what) + " must have lines of the form key: value");
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) return wrong(line_of(pair.first), "a key must be a word");
    const std::string& name = pair.first.Scalar();
    const int line = line_of(pair.first);
    const auto key = std::ranges::find(keys, name, &Key::name);
    if (key == keys.end()) {
      std::string known;
      for (const Key& each : keys) known += (known.empty() ? "" : ", ") + std::string(each.name);
      return wrong(line, fmt::format("{} has no key {}; the keys are {}", what, ondol::quoted(name), known));
    }
    if (!seen.insert(name).second) return wrong(line, name + " is given twice");
    if (const Status stored = key->store(pair.second); !stored) {
      return stored.error().message.starts_with("line ") ? stored : Status(wrong(line, name + " " + stored.error().message));
    }
  }
  return {};
}

Result<std::string> word(const YAML::Node& value) {
  if (!value.IsScalar() || value.Scalar().empty()) return fail(Code::kInvalidArgument, "must have one plain value");
  return value.Scalar();
}

Result<double> number(const YAML::Node& value, double min, double max) {
  ONDOL_TRY(const std::string text, word(value));
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || !(out >= min && out <= max)) {
    return fail(Code::kInvalidArgument, fmt::format("is {}, and must be a number from {} to {}", ondol::quoted(text), min, max));
  }
  return out;
}

Result<int64_t> whole(const YAML::Node& value, int64_t min, int64_t max) {
  ONDOL_TRY(const std::string text, word(value));
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out < min || out > max) {
    return fail(Code::kInvalidArgument, fmt::format("is {}, and must be a whole number from {} to {}", ondol::quoted(text), min, max));
  }
  return out;
}

// Keys by the type of what they store.
Key word_key(std::string_view name, std::string& out) {
  return {name, [&out](const YAML::Node& value) -> Status {
            ONDOL_TRY(out, word(value));
            return {};
          }};
}
Key number_key(std::string_view name, double& out, double min, double max) {
  return {name, [&out, min, max](const YAML::Node& value) -> Status {
            ONDOL_TRY(out, number(value, min, max));
            return {};
          }};
}
template <class Int>
Key whole_key(std::string_view name, Int& out, int64_t min, int64_t max) {
  return {name, [&out, min, max](const YAML::Node& value) -> Status {
            ONDOL_TRY(const int64_t read, whole(value, min, max));
            out = static_cast<Int>(read);
            return {};
          }};
}
Key flag_key(std::string_view name, bool& out) {
  return {name, [&out](const YAML::Node& value) -> Status {
            ONDOL_TRY(const std::string text, word(value));
            if (text != "true" && text != "false") return fail(Code::kInvalidArgument, "must be true or false");
            out = text == "true";
            return {};
          }};
}
// As `key`, and remembers where it stood.
Key with_line(Key key, int& line) {
  return {key.name, [store = std::move(key.store), &line](const YAML::Node& value) {
            line = line_of(value);
            return store(value);
          }};
}

Status read_list(const YAML::Node& value, size_t most, const std::function<Status(const YAML::Node&)>& read) {
  if (!value.IsSequence()) return fail(Code::kInvalidArgument, "must be a list, each entry with a dash");
  if (value.size() > most) return fail(Code::kInvalidArgument, fmt::format("has {} entries; at most {} are allowed", value.size(), most));
  for (const YAML::Node& entry : value) ONDOL_TRY_STATUS(read(entry));
  return {};
}

Status read_device(const YAML::Node& node, FloorSpec& spec) {
  std::string kind;
  int count = 1;
  ONDOL_TRY_STATUS(read_mapping(node, "a device", {word_key("kind", kind), whole_key("count", count, 1, FloorSpec::kMaxDevices)}));
  if (kind.empty()) return wrong(line_of(node), "a device needs a kind: rngd, h100, ... or cpu");
  FloorDevice device{.kind = kind == "rngd"  ? FloorDeviceKind::kNpu
                             : kind == "cpu" ? FloorDeviceKind::kCpu
                                             : FloorDeviceKind::kGpu,
                     .profile = kind};
  if (device.kind != FloorDeviceKind::kCpu) {
    if (const auto known = builtin_device(kind); !known) return wrong(line_of(node), known.error().message);
  }
  if (spec.devices.size() + static_cast<size_t>(count) > FloorSpec::kMaxDevices) {
    return wrong(line_of(node), fmt::format("a floor has at most {} devices", FloorSpec::kMaxDevices));
  }
  spec.devices.insert(spec.devices.end(), static_cast<size_t>(count), device);
  return {};
}

Status read_fault(const YAML::Node& node, std::vector<FloorFault>& faults) {
  FloorFault fault;
  std::string kind;
  ONDOL_TRY_STATUS(read_mapping(
      node, "a fault",
      {word_key("kind", kind), number_key("at", fault.at_s, 0, kMaxSeconds), number_key("every", fault.every_s, 1, kMaxSeconds),
       number_key("factor", fault.fault.factor, 1, 1000), number_key("seconds", fault.fault.seconds, 0, kMaxSeconds)}));
  const auto known = parse_fault_kind(kind);
  if (!known) return wrong(line_of(node), known.error().message);
  fault.fault.kind = *known;
  if ((fault.at_s >= 0) == (fault.every_s > 0)) return wrong(line_of(node), "a fault comes at: SECONDS once, or every: SECONDS on average");
  if (const Status checked = check_fault(fault.fault); !checked) return wrong(line_of(node), checked.error().message);
  faults.push_back(fault);
  return {};
}

Status read_relay(const YAML::Node& node, FloorRelay& relay) {
  ONDOL_TRY_STATUS(read_mapping(node, "a relay",
                                {word_key("url", relay.url), word_key("model", relay.model), word_key("api_key_env", relay.api_key_env)}));
  if (relay.url.empty() || relay.model.empty()) return wrong(line_of(node), "a relay needs url: http://... and model: ...");
  return {};
}

Status read_engine(const YAML::Node& node, FloorSpec& spec) {
  FloorEngine engine;
  engine.line = engine.devices_line = engine.model_line = engine.port_line = line_of(node);
  std::string kind;
  const auto faults = [&engine](const YAML::Node& value) {
    return read_list(value, FaultPlan::kMaxFaults, [&engine](const YAML::Node& entry) { return read_fault(entry, engine.faults); });
  };
  const Key relay = {"relay", [&engine](const YAML::Node& value) { return read_relay(value, engine.relay); }};
  constexpr int64_t kMany = 1 << 24;
  ONDOL_TRY_STATUS(read_mapping(node, "an engine",
                                {word_key("name", engine.name),
                                 word_key("kind", kind),
                                 with_line(word_key("model", engine.model), engine.model_line),
                                 word_key("config", engine.config),
                                 word_key("served_name", engine.served_name),
                                 word_key("api_key", engine.api_key),
                                 with_line(word_key("devices", engine.devices), engine.devices_line),
                                 with_line(whole_key("port", engine.port, 1, 65535), engine.port_line),
                                 number_key("speed", engine.speed, 0.001, 1e6),
                                 whole_key("max_concurrency", engine.max_concurrency, 1, 65536),
                                 whole_key("max_step_tokens", engine.max_step_tokens, 1, kMany),
                                 whole_key("max_context", engine.max_context, 16, kMany),
                                 flag_key("prefix_cache", engine.prefix_cache),
                                 flag_key("dev_mode", engine.dev_mode),
                                 with_line(relay, engine.relay_line),
                                 {"faults", faults}}));
  const std::array<std::pair<std::string_view, const std::string*>, 4> needed = {
      {{"name", &engine.name}, {"kind", &kind}, {"model", &engine.model}, {"devices", &engine.devices}}};
  for (const auto& [name, value] : needed)
    if (value->empty()) return wrong(engine.line, fmt::format("an engine needs {}: ...", name));
  if (kind != "furiosa-llm" && kind != "vllm") {
    return wrong(engine.line, "kind is " + ondol::quoted(kind) + ", and must be furiosa-llm or vllm");
  }
  engine.kind = kind == "vllm" ? TwinEngineKind::kVllm : TwinEngineKind::kFuriosaLlm;
  spec.engines.push_back(std::move(engine));
  return {};
}

Status read_root(const YAML::Node& root, FloorSpec& spec) {
  const auto devices = [&spec](const YAML::Node& value) {
    return read_list(value, FloorSpec::kMaxDevices, [&spec](const YAML::Node& entry) { return read_device(entry, spec); });
  };
  const auto engines = [&spec](const YAML::Node& value) {
    return read_list(value, FloorSpec::kMaxEngines, [&spec](const YAML::Node& entry) { return read_engine(entry, spec); });
  };
  constexpr int64_t kMaxSeed = int64_t{1} << 53;
  return read_mapping(root, "a floor file",
                      {word_key("name", spec.name),
                       number_key("speed", spec.speed, 0.001, 1e6),
                       whole_key("seed", spec.seed, 0, kMaxSeed),
                       {"devices", devices},
                       {"engines", engines}});
}

Result<std::string> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, "cannot read " + ondol::quoted(path, 200));
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxBytes)
    return fail(Code::kInvalidArgument, ondol::quoted(path, 200) + " is larger than 1 MiB; is it the right file?");
  return text;
}

}  // namespace

Result<FloorSpec> parse_floor(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Code::kInvalidArgument, "line 1: the file is larger than 1 MiB; is it a floor file?");
  FloorSpec spec;
  try {
    ONDOL_TRY_STATUS(read_root(YAML::Load(std::string(text)), spec));
  } catch (const YAML::Exception& error) {
    return wrong(error.mark.line + 1, error.msg);
  } catch (const std::exception& error) {
    return wrong(1, error.what());
  }
  return spec;
}

Result<FloorPlan> read_floor(const std::string& path) {
  ONDOL_TRY(const std::string text, read_whole(path));
  Result<FloorSpec> spec = parse_floor(text);
  if (!spec) return std::unexpected(Error{spec.error().code, path + " " + spec.error().message});
  // A model's config.json lies beside the floor file unless its path says otherwise.
  const auto beside = std::filesystem::path(path).parent_path();
  auto plan = plan_floor(std::move(*spec), [&](const std::string& file) { return read_whole((beside / file).string()); });
  if (!plan) return std::unexpected(Error{plan.error().code, path + " " + plan.error().message});
  return plan;
}

}  // namespace ondol
