#include "app/node_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <fstream>
#include <functional>
#include <set>

namespace ondol {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxWords = 256;
constexpr const char* kEngineKeys =
    "name, kind, model, port, devices, arguments, command, environment, ready_timeout (seconds), drain (seconds)";

// Keys of a map and what takes their values; the rest is refused by name.
using Takers = std::map<std::string, std::function<Status(const YAML::Node&)>>;

std::unexpected<Error> wrong(const YAML::Node& at, const std::string& what) {
  return fail(Code::kInvalidArgument, fmt::format("line {}: {}", at.Mark().line + 1, what));
}

Status take_map(const YAML::Node& map, const Takers& takers, const std::string& keys) {
  if (!map.IsMap()) return wrong(map, "expected lines of the form key: value");
  std::set<std::string> seen;
  for (const auto& pair : map) {
    if (!pair.first.IsScalar()) return wrong(pair.first, "a key must be a word");
    const std::string& key = pair.first.Scalar();
    const auto taker = takers.find(key);
    if (taker == takers.end()) return wrong(pair.first, "there is no key " + ondol::quoted(key) + "; the keys are " + keys);
    if (!seen.insert(key).second) return wrong(pair.first, key + " is given twice");
    ONDOL_TRY_STATUS(taker->second(pair.second));
  }
  return {};
}

std::function<Status(const YAML::Node&)> text(std::string& into) {
  return [&into](const YAML::Node& value) -> Status {
    if (!value.IsScalar()) return wrong(value, "expected one plain value");
    into = value.Scalar();
    return {};
  };
}

std::function<Status(const YAML::Node&)> words(std::vector<std::string>& into) {
  return [&into](const YAML::Node& value) -> Status {
    if (!value.IsSequence() || value.size() > kMaxWords) return wrong(value, "expected a list, as [a, b], of at most 256");
    for (const YAML::Node& word : value) {
      if (!word.IsScalar()) return wrong(word, "expected one plain value");
      into.push_back(word.Scalar());
    }
    return {};
  };
}

std::function<Status(const YAML::Node&)> number(int64_t min, int64_t max, std::function<void(int64_t)> store) {
  return [=](const YAML::Node& value) -> Status {
    const std::string digits = value.IsScalar() ? value.Scalar() : "";
    int64_t read = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), read);
    if (error != std::errc{} || end != digits.data() + digits.size() || read < min || read > max) {
      return wrong(value, fmt::format("expected a whole number from {} to {}", min, max));
    }
    store(read);
    return {};
  };
}

std::function<Status(const YAML::Node&)> variables(std::map<std::string, std::string>& into) {
  return [&into](const YAML::Node& value) -> Status {
    if (!value.IsMap() || value.size() > kMaxWords) return wrong(value, "expected lines of the form NAME: value, at most 256");
    for (const auto& pair : value) {
      if (!pair.first.IsScalar() || !pair.second.IsScalar()) return wrong(pair.first, "expected NAME: value");
      const std::string& name = pair.first.Scalar();
      if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos ||
          pair.second.Scalar().find('\0') != std::string::npos) {
        return wrong(pair.first, ondol::quoted(name) + " is no name of a variable");
      }
      into[name] = pair.second.Scalar();
    }
    return {};
  };
}

Result<DeclaredEngine> parse_engine(const YAML::Node& node) {
  DeclaredEngine engine;
  const auto kind = [&engine](const YAML::Node& value) -> Status {
    const Result<EndpointKind> parsed = parse_endpoint_kind(value.IsScalar() ? value.Scalar() : "");
    if (!parsed) return wrong(value, parsed.error().message);
    engine.kind = *parsed;
    return {};
  };
  constexpr int64_t kDay_s = 86'400;
  const Takers takers = {{"name", text(engine.name)},
                         {"kind", kind},
                         {"model", text(engine.model)},
                         {"port", number(1, 65535, [&](int64_t port) { engine.port = static_cast<uint16_t>(port); })},
                         {"devices", words(engine.devices)},
                         {"arguments", words(engine.arguments)},
                         {"command", words(engine.command)},
                         {"environment", variables(engine.environment)},
                         {"ready_timeout", number(1, kDay_s, [&](int64_t s) { engine.ready_timeout_us = s * 1'000'000; })},
                         {"drain", number(0, kDay_s, [&](int64_t s) { engine.drain_us = s * 1'000'000; })}};
  ONDOL_TRY_STATUS(take_map(node, takers, kEngineKeys));
  return engine;
}

Result<DeclaredNode> parse_root(const YAML::Node& root) {
  DeclaredNode out;
  const auto engines = [&out](const YAML::Node& list) -> Status {
    if (!list.IsSequence() || list.size() > kMaxNodeEngines) return wrong(list, "engines must be a list of at most 256");
    for (const YAML::Node& node : list) {
      ONDOL_TRY(DeclaredEngine engine, parse_engine(node));
      out.engines.push_back(std::move(engine));
    }
    return {};
  };
  ONDOL_TRY_STATUS(take_map(root, {{"log_folder", text(out.log_folder)}, {"engines", engines}}, "log_folder, engines"));
  ONDOL_TRY_STATUS(check_declared(out));
  return out;
}

}  // namespace

Result<DeclaredNode> parse_node_file(std::string_view text, const std::string& origin) {
  if (text.size() > kMaxBytes) return fail(Code::kInvalidArgument, origin + " is larger than 1 MiB; is it a node file?");
  try {
    Result<DeclaredNode> parsed = parse_root(YAML::Load(std::string(text)));
    if (!parsed) return fail(parsed.error(), origin);
    return parsed;
  } catch (const YAML::Exception& error) {
    return fail(Code::kInvalidArgument, fmt::format("{} line {}: {}", origin, error.mark.line + 1, error.msg));
  } catch (const std::exception& error) {
    return fail(Code::kInvalidArgument, origin + ": " + error.what());
  }
}

Result<DeclaredNode> read_node_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, "cannot read the node file " + ondol::quoted(path, 200));
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return parse_node_file(text, path);
}

}  // namespace ondol
