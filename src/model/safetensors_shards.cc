#include "model/safetensors_shards.h"

#include <boost/json/object.hpp>
#include <filesystem>
#include <set>

#include "model/json_file.h"

namespace ondol {
namespace {

constexpr std::string_view kIndex = "model.safetensors.index.json";

Result<SafetensorsShards> read_index(const std::string& path, const SafetensorsLimits& limits) {
  ONDOL_TRY(const auto content, read_text_file(path, limits.max_header));
  ONDOL_TRY(const auto object, parse_json_object(content, kIndex));
  const auto* map = object.if_contains("weight_map");
  if (map == nullptr || !map->is_object())
    return fail(Code::kInvalidArgument, std::string(kIndex) + ": weight_map is missing or no object");
  SafetensorsShards shards;
  std::set<std::string> names;
  for (const auto& member : map->get_object()) {
    const auto* file = member.value().if_string();
    // A plain name only: a hostile index must not reach out of the folder.
    if (file == nullptr || file->empty() || file->find('/') != std::string::npos || file->front() == '.') {
      return fail(Code::kInvalidArgument,
                  std::string(kIndex) + ": tensor " + quoted(member.key()) + " is mapped to something that is no file name");
    }
    names.emplace(*file);
    shards.promised_tensors.emplace_back(member.key());
  }
  if (names.empty() || names.size() > static_cast<size_t>(limits.max_shards)) {
    return fail(Code::kInvalidArgument, std::string(kIndex) + " names " + std::to_string(names.size()) + " files; 1 to " +
                                            std::to_string(limits.max_shards) + " are possible");
  }
  shards.files.assign(names.begin(), names.end());
  return shards;
}

Result<SafetensorsShards> find_numbered(const std::string& folder, const SafetensorsLimits& limits) {
  const auto limit = static_cast<size_t>(limits.max_shards);
  const std::string about = quoted(std::string_view(folder), 200);
  std::error_code error;
  std::set<std::string> found;
  auto at = std::filesystem::directory_iterator(folder, error);
  for (; !error && at != std::filesystem::directory_iterator() && found.size() <= limit; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with("model-") && name.ends_with(".safetensors")) found.insert(name);
  }
  if (found.empty()) return fail(Code::kNotFound, about + " has no model.safetensors, no " + std::string(kIndex) + " and no shards");
  if (found.size() > limit) return fail(Code::kResourceExhausted, about + " has more than " + std::to_string(limit) + " shards");
  const std::string digits = std::to_string(found.size());
  const std::string ending = "-of-" + std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits + ".safetensors";
  for (const std::string_view name : found) {
    if (name.ends_with(ending)) continue;
    return fail(Code::kDataLoss,
                about + " has " + digits + " shards, among them " + quoted(name) + ": some are missing or belong to another model");
  }
  return SafetensorsShards{{found.begin(), found.end()}, {}};
}

}  // namespace

Result<SafetensorsShards> list_safetensors_shards(const std::string& folder, const SafetensorsLimits& limits) {
  const std::string index = folder + "/" + std::string(kIndex);
  if (file_exists(index)) return read_index(index, limits);
  if (file_exists(folder + "/model.safetensors")) return SafetensorsShards{{"model.safetensors"}, {}};
  return find_numbered(folder, limits);
}

}  // namespace ondol
