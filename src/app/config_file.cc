#include "app/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <span>
#include <sstream>

#include "app/options.h"
#include "app/sizes.h"

namespace ondol {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

// Stores one value; the error is the part of the message behind "line N: key".
using Store = std::function<Status(ServerConfig& config, const std::string& text)>;

struct Key {
  std::string_view name;
  std::string_view meaning;
  Store store;
};

Store text_key(std::string ServerConfig::* member) {
  return [member](ServerConfig& config, const std::string& text) -> Status {
    if (text.empty()) return fail(Code::kInvalidArgument, "is empty");
    config.*member = text;
    return {};
  };
}

Store access_key(std::string AccessOptions::* member) {
  return [member](ServerConfig& config, const std::string& text) -> Status {
    if (text.empty()) return fail(Code::kInvalidArgument, "is empty");
    config.access.*member = text;
    return {};
  };
}

Result<bool> parse_bool(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  return fail(Code::kInvalidArgument, "is " + ondol::quoted(text) + ", and must be true or false");
}

Store access_flag(bool AccessOptions::* member) {
  return [member](ServerConfig& config, const std::string& text) -> Status {
    ONDOL_TRY(config.access.*member, parse_bool(text));
    return {};
  };
}

// Separated by spaces: an origin has none.
Status store_cors_origins(ServerConfig& config, const std::string& text) {
  std::istringstream words(text);
  config.access.cors_origins.assign(std::istream_iterator<std::string>(words), {});
  if (config.access.cors_origins.empty()) return fail(Code::kInvalidArgument, "is empty");
  return {};
}

Result<int> parse_int(const std::string& text, IntRange range) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < range.min || value > range.max) {
    return fail(Code::kInvalidArgument,
                fmt::format("is {}, and must be a whole number from {} to {}", ondol::quoted(text), range.min, range.max));
  }
  return value;
}

Store int_key(int ServerConfig::* member, IntRange range) {
  return [member, range](ServerConfig& config, const std::string& text) -> Status {
    ONDOL_TRY(config.*member, parse_int(text, range));
    return {};
  };
}

Store engine_key(int EngineOptions::* member, IntRange range) {
  return [member, range](ServerConfig& config, const std::string& text) -> Status {
    ONDOL_TRY(config.engine.*member, parse_int(text, range));
    return {};
  };
}

Store models_key(int ModelsOptions::* member, IntRange range) {
  return [member, range](ServerConfig& config, const std::string& text) -> Status {
    ONDOL_TRY(config.models.*member, parse_int(text, range));
    return {};
  };
}

Status store_also(ServerConfig& config, const std::string& text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const size_t begin = std::min(text.find_first_not_of(' ', at), comma);
    const std::string name = text.substr(begin, comma - begin);
    if (name.empty()) return fail(Code::kInvalidArgument, "must name models, with commas between them");
    config.models.also.push_back(name);
    at = comma + 1;
  }
  return {};
}

Status store_kv_bytes(ServerConfig& config, const std::string& text) {
  Result<uint64_t> size = parse_size(text);
  if (!size) return fail(size.error(), "is wrong");
  config.engine.kv_bytes = *size;
  return {};
}

Status store_kv_type(ServerConfig& config, const std::string& text) {
  Result<KvType> type = parse_kv_type(text);
  if (!type) return fail(type.error(), "is wrong");
  config.engine.kv_type = *type;
  return {};
}

Status store_slowdown(ServerConfig& config, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= kSlowdownRange.min && value <= kSlowdownRange.max)) {
    return fail(Code::kInvalidArgument,
                fmt::format("is {}, and must be a number from {} to {}", ondol::quoted(text), kSlowdownRange.min, kSlowdownRange.max));
  }
  config.engine.stream_slowdown = value;
  return {};
}

Status store_prefix_cache(ServerConfig& config, const std::string& text) {
  ONDOL_TRY(config.engine.prefix_cache, parse_bool(text));
  return {};
}

std::span<const Key> keys() {
  static const Key kKeys[] = {
      {"model", "known name, .gguf file or folder", text_key(&ServerConfig::model)},
      {"name", "name in the API", text_key(&ServerConfig::name)},
      {"host", "address to listen on (127.0.0.1)", text_key(&ServerConfig::host)},
      {"port", "port to listen on (8080)", int_key(&ServerConfig::port, kPortRange)},
      {"floor", "floor file whose digital twins run beside (docs/floor.md)", text_key(&ServerConfig::floor)},
      {"floor-tree", "folder for the /sys and /dev tree of the floor's NPUs", text_key(&ServerConfig::floor_tree)},
      {"floor-port", "port of the floor's control; its engines follow it (8100)", int_key(&ServerConfig::floor_port, kPortRange)},
      {"node", "node file whose engine processes are kept running beside (docs/node.md)", text_key(&ServerConfig::node)},
      {"drain", "seconds for answers in progress after SIGTERM (30)", int_key(&ServerConfig::drain_s, kDrainRange)},
      {"tls_cert", "PEM file: certificate and chain; HTTPS", access_key(&AccessOptions::tls_certificate)},
      {"tls_key", "PEM file: its private key", access_key(&AccessOptions::tls_key)},
      {"api_keys", "key file of `ondol key create`", access_key(&AccessOptions::api_keys)},
      {"require_key", "true: this machine needs a key, too", access_flag(&AccessOptions::require_key)},
      {"allow_anonymous", "true: no keys, anyone may come in", access_flag(&AccessOptions::allow_anonymous)},
      {"cors_origin", "web pages that may call, separated by spaces; * = all", store_cors_origins},
      {"threads", "threads that compute (0 = all)", engine_key(&EngineOptions::threads, kThreadsRange)},
      {"ctx", "tokens of one conversation (0 = what fits)", engine_key(&EngineOptions::max_context, kContextRange)},
      {"kv_bytes", "memory for the KV cache, as 2G", store_kv_bytes},
      {"kv_type", "f16, q8 or f32", store_kv_type},
      {"max_running", "requests computed together", engine_key(&EngineOptions::max_running, kRunningRange)},
      {"max_waiting", "requests that may wait", engine_key(&EngineOptions::max_waiting, kWaitingRange)},
      {"prefix_cache", "true or false", store_prefix_cache},
      {"also", "other models, with commas between them", store_also},
      {"embeddings", "model for embeddings",
       [](ServerConfig& c, const std::string& text) -> Status {
         c.models.embeddings = text;
         return {};
       }},
      {"idle_unload", "seconds after which an unused model leaves memory", models_key(&ModelsOptions::idle_unload_s, {0, 30 * 24 * 3600})},
      {"max_loaded", "models in memory at once", models_key(&ModelsOptions::max_loaded, {0, 1024})},
      {"step_tokens", "tokens computed in one step", engine_key(&EngineOptions::step_tokens, kStepTokensRange)},
      {"mixed_prefill", "prompt tokens in a step beside streams", engine_key(&EngineOptions::mixed_prefill, kStepTokensRange)},
      {"stream_slowdown", "how many times longer prompts may make a step beside streams", store_slowdown},
  };
  return kKeys;
}

std::string key_names() {
  std::string out;
  for (const Key& key : keys()) out += (out.empty() ? "" : ", ") + std::string(key.name);
  return out;
}

std::unexpected<Error> wrong(const std::string& origin, const YAML::Mark& mark, const std::string& what) {
  return fail(Code::kInvalidArgument, fmt::format("{} line {}: {}", origin, mark.line + 1, what));
}

Status store_pair(const YAML::Node& name, const YAML::Node& value, const std::string& origin, std::set<std::string>& seen,
                  ServerConfig& config) {
  if (!name.IsScalar()) return wrong(origin, name.Mark(), "a key must be a word");
  const std::string& word = name.Scalar();
  for (const Key& key : keys()) {
    if (key.name != word) continue;
    if (!seen.insert(word).second) return wrong(origin, name.Mark(), word + " is given twice");
    if (!value.IsScalar()) return wrong(origin, name.Mark(), word + " must have one plain value");
    if (const Status stored = key.store(config, value.Scalar()); !stored) {
      return wrong(origin, name.Mark(), word + " " + stored.error().message);
    }
    return {};
  }
  return wrong(origin, name.Mark(), "there is no key " + ondol::quoted(word) + "; the keys are " + key_names());
}

}  // namespace

Status parse_config(std::string_view text, const std::string& origin, ServerConfig& config) {
  if (text.size() > kMaxBytes) return fail(Code::kInvalidArgument, origin + " is larger than 1 MiB; is it a config file?");
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (root.IsNull()) return {};
    if (!root.IsMap()) return wrong(origin, root.Mark(), "expected lines of the form key: value");
    std::set<std::string> seen;
    for (const auto& pair : root) ONDOL_TRY_STATUS(store_pair(pair.first, pair.second, origin, seen, config));
  } catch (const YAML::Exception& error) {
    return wrong(origin, error.mark, error.msg);
  } catch (const std::exception& error) {
    return fail(Code::kInvalidArgument, origin + ": " + error.what());
  }
  return {};
}

Status read_config(const std::string& path, ServerConfig& config) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, "cannot read the config file " + ondol::quoted(path, 200));
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return parse_config(text, path, config);
}

std::string config_keys_help() {
  std::string out;
  for (const Key& key : keys()) out += fmt::format("  {:<16}{}\n", key.name, key.meaning);
  return out;
}

}  // namespace ondol
