#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "base/mapped_file.h"
#include "model/json_file.h"
#include "model/safetensors_shards.h"

namespace ondol {
namespace {

constexpr size_t kMaxRank = 8;

struct ElementType {
  std::string_view name;
  uint64_t bytes;
  std::optional<DType> dtype;
};
constexpr std::array kTypes = {
    ElementType{"F32", 4, DType::kF32},   ElementType{"F16", 2, DType::kF16},      ElementType{"BF16", 2, DType::kBF16},
    ElementType{"F64", 8, std::nullopt},  ElementType{"I64", 8, std::nullopt},     ElementType{"I32", 4, std::nullopt},
    ElementType{"I16", 2, std::nullopt},  ElementType{"I8", 1, std::nullopt},      ElementType{"U64", 8, std::nullopt},
    ElementType{"U32", 4, std::nullopt},  ElementType{"U16", 2, std::nullopt},     ElementType{"U8", 1, std::nullopt},
    ElementType{"BOOL", 1, std::nullopt}, ElementType{"F8_E4M3", 1, std::nullopt}, ElementType{"F8_E5M2", 1, std::nullopt},
};

const ElementType* find_type(std::string_view name) {
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(), [&](const ElementType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : found;
}

struct Entry {
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // in the data section of its shard
  std::span<const std::byte> data;
};
using Entries = std::map<std::string, Entry, std::less<>>;

std::string text(uint64_t number) { return std::to_string(number); }

// A count in JSON: an integer that is not negative.
std::optional<uint64_t> count_of(const boost::json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) return static_cast<uint64_t>(value.get_int64());
  return std::nullopt;
}

Status read_shape(const boost::json::array& list, const std::string& about, Entry& entry) {
  const ElementType* type = find_type(entry.dtype);
  if (list.size() > kMaxRank)
    return fail(Code::kInvalidArgument, about + " has " + text(list.size()) + " dimensions; at most 8 are supported");
  uint64_t elements = 1;
  bool empty = false;
  for (const boost::json::value& item : list) {
    const auto dim = count_of(item);
    if (!dim) return fail(Code::kInvalidArgument, about + " has a dimension that is not a count");
    empty = empty || *dim == 0;
    // 2^56 elements are beyond any file, and leave room for the multiplication by the bytes of one.
    if (*dim > (uint64_t{1} << 56) / elements) return fail(Code::kInvalidArgument, about + " has a shape whose size overflows");
    elements *= std::max<uint64_t>(*dim, 1);
    entry.shape.push_back(static_cast<int64_t>(*dim));
  }
  if (empty) elements = 0;
  if (type != nullptr && elements * type->bytes != entry.end - entry.begin) {
    return fail(Code::kInvalidArgument, about + " has " + text(elements) + " elements of " + entry.dtype + ", but " +
                                            text(entry.end - entry.begin) + " bytes of data");
  }
  return {};
}

Result<Entry> read_entry(std::string_view name, const boost::json::value& value, std::span<const std::byte> section) {
  const std::string about = "tensor " + ondol::quoted(name);
  const auto* object = value.if_object();
  const auto* dtype = object != nullptr ? object->if_contains("dtype") : nullptr;
  const auto* shape = object != nullptr ? object->if_contains("shape") : nullptr;
  const auto* offsets = object != nullptr ? object->if_contains("data_offsets") : nullptr;
  if (dtype == nullptr || !dtype->is_string() || shape == nullptr || !shape->is_array() || offsets == nullptr || !offsets->is_array() ||
      offsets->get_array().size() != 2) {
    return fail(Code::kInvalidArgument, about + " needs a dtype string, a shape list and two data_offsets");
  }
  Entry entry;
  entry.dtype = std::string(dtype->get_string());
  const auto begin = count_of(offsets->get_array()[0]);
  const auto end = count_of(offsets->get_array()[1]);
  if (!begin || !end || *begin > *end) return fail(Code::kInvalidArgument, about + " has data_offsets that are not a range");
  if (*end > section.size()) {
    return fail(Code::kDataLoss, about + " ends at byte " + text(*end) + ", beyond the " + text(section.size()) + " bytes of data");
  }
  entry.begin = *begin;
  entry.end = *end;
  entry.data = section.subspan(*begin, *end - *begin);
  ONDOL_TRY_STATUS(read_shape(shape->get_array(), about, entry));
  return entry;
}

// The format wants the data to be covered without gap or overlap. A doubled name, of which the JSON parser keeps one, leaves a gap too.
Status check_cover(const Entries& entries, uint64_t section_bytes) {
  std::vector<std::pair<std::string_view, const Entry*>> order;
  order.reserve(entries.size());
  for (const auto& [name, entry] : entries) order.emplace_back(name, &entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  uint64_t at = 0;
  for (const auto& [name, entry] : order) {
    if (entry->begin != at) {
      const char* what = entry->begin < at ? " overlaps the tensor before it: " : " leaves a gap in front: ";
      return fail(Code::kInvalidArgument, "tensor " + ondol::quoted(name) + what + "it starts at byte " + text(entry->begin) +
                                              ", the data so far ends at " + text(at));
    }
    at = entry->end;
  }
  if (at != section_bytes) {
    return fail(Code::kInvalidArgument, "the tensors end at byte " + text(at) + ", the data has " + text(section_bytes) + " bytes");
  }
  return {};
}

Result<Entries> parse_shard(std::span<const std::byte> bytes, const SafetensorsLimits& limits) {
  uint64_t header = 0;
  if (bytes.size() < sizeof header) return fail(Code::kDataLoss, "the file has " + text(bytes.size()) + " bytes, not even a header length");
  std::memcpy(&header, bytes.data(), sizeof header);
  const uint64_t left = bytes.size() - sizeof header;
  if (header > left) return fail(Code::kDataLoss, "the header claims " + text(header) + " bytes, but only " + text(left) + " are there");
  if (header > limits.max_header) {
    return fail(Code::kResourceExhausted, "the header has " + text(header) + " bytes, more than the limit of " + text(limits.max_header));
  }
  const std::string_view json(reinterpret_cast<const char*>(bytes.data() + sizeof header), header);
  ONDOL_TRY(const auto object, parse_json_object(json, "safetensors header"));
  if (object.size() > limits.max_tensors) {
    return fail(Code::kResourceExhausted,
                "the header has " + text(object.size()) + " entries, more than the limit of " + text(limits.max_tensors));
  }
  const auto section = bytes.subspan(sizeof header + header);
  Entries entries;
  for (const auto& member : object) {
    if (member.key() == "__metadata__") continue;
    ONDOL_TRY(auto entry, read_entry(member.key(), member.value(), section));
    entries.emplace(std::string(member.key()), std::move(entry));
  }
  ONDOL_TRY_STATUS(check_cover(entries, section.size()));
  return entries;
}

}  // namespace

struct SafetensorsFile::State {
  std::vector<MappedFile> files;
  Entries entries;
  uint64_t bytes = 0;

  Status add(std::span<const std::byte> content, const SafetensorsLimits& limits) {
    ONDOL_TRY(auto shard, parse_shard(content, limits));
    for (auto& [name, entry] : shard) {
      if (entries.contains(name)) return fail(Code::kInvalidArgument, "tensor " + ondol::quoted(name) + " is in two shards");
      entries.emplace(name, std::move(entry));
    }
    if (entries.size() > limits.max_tensors) {
      return fail(Code::kResourceExhausted, "the shards have more than " + text(limits.max_tensors) + " tensors");
    }
    bytes += content.size();
    return {};
  }

  Status add_file(const std::string& path, const SafetensorsLimits& limits) {
    ONDOL_TRY(auto file, MappedFile::open(path));
    files.push_back(std::move(file));
    if (auto added = add(files.back().bytes(), limits); !added) return fail(added.error(), "reading " + quoted(path, 200));
    return {};
  }

  Status add_folder(const std::string& folder, const SafetensorsLimits& limits) {
    ONDOL_TRY(const SafetensorsShards shards, list_safetensors_shards(folder, limits));
    for (const std::string& name : shards.files) ONDOL_TRY_STATUS(add_file(folder + "/" + name, limits));
    for (const std::string_view name : shards.promised_tensors) {
      if (!entries.contains(name)) {
        return fail(Code::kDataLoss, "model.safetensors.index.json promises tensor " + ondol::quoted(name) + ", which no shard has");
      }
    }
    return {};
  }

  Result<const Entry*> find(std::string_view name) const {
    const auto found = entries.find(name);
    if (found == entries.end()) return fail(Code::kNotFound, "there is no tensor " + ondol::quoted(name));
    return &found->second;
  }
};

SafetensorsFile::SafetensorsFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;
SafetensorsFile::~SafetensorsFile() = default;

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path, const SafetensorsLimits& limits) {
  auto state = std::make_unique<State>();
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    ONDOL_TRY_STATUS(state->add_folder(path, limits));
  } else {
    ONDOL_TRY_STATUS(state->add_file(path, limits));
  }
  return SafetensorsFile(std::move(state));
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes, const SafetensorsLimits& limits) {
  auto state = std::make_unique<State>();
  ONDOL_TRY_STATUS(state->add(bytes, limits));
  return SafetensorsFile(std::move(state));
}

bool SafetensorsFile::has_tensor(std::string_view name) const { return state_->entries.contains(name); }

Result<Tensor> SafetensorsFile::tensor(std::string_view name) const {
  ONDOL_TRY(const Entry* entry, state_->find(name));
  const ElementType* type = find_type(entry->dtype);
  if (type == nullptr || !type->dtype) {
    return fail(Code::kUnimplemented, "tensor " + ondol::quoted(name) + " has type " + ondol::quoted(entry->dtype) +
                                          "; weights in F32, F16 and BF16 are supported");
  }
  if (entry->data.empty()) return fail(Code::kInvalidArgument, "tensor " + ondol::quoted(name) + " has no elements");
  Tensor tensor{*type->dtype, 1, 1, 1, entry->data};
  const size_t rank = entry->shape.size();
  for (size_t d = 0; d < rank; ++d) {
    int64_t& axis = d + 1 == rank ? tensor.cols : d + 2 == rank ? tensor.rows : tensor.depth;
    axis *= entry->shape[d];
  }
  return tensor;
}

Result<std::vector<int64_t>> SafetensorsFile::shape(std::string_view name) const {
  ONDOL_TRY(const Entry* entry, state_->find(name));
  return entry->shape;
}

Result<std::vector<float>> SafetensorsFile::floats(std::string_view name) const {
  ONDOL_TRY(const Tensor tensor, this->tensor(name));
  std::vector<float> out(static_cast<size_t>(tensor.elements()));
  dequantize_row(tensor.dtype, tensor.data, tensor.elements(), out.data());
  return out;
}

Result<std::vector<int32_t>> SafetensorsFile::int32s(std::string_view name) const {
  ONDOL_TRY(const Entry* entry, state_->find(name));
  if (entry->dtype != "I32")
    return fail(Code::kInvalidArgument, "tensor " + ondol::quoted(name) + " has type " + ondol::quoted(entry->dtype) + ", not I32");
  std::vector<int32_t> out(entry->data.size() / sizeof(int32_t));
  if (!out.empty()) std::memcpy(out.data(), entry->data.data(), entry->data.size());
  return out;
}

std::vector<std::string_view> SafetensorsFile::tensor_names() const {
  std::vector<std::string_view> out;
  out.reserve(state_->entries.size());
  for (const auto& [name, entry] : state_->entries) out.push_back(name);
  return out;
}

uint64_t SafetensorsFile::file_bytes() const { return state_->bytes; }

void SafetensorsFile::drop_resident() const {
  for (const MappedFile& file : state_->files) file.drop_resident();
}

}  // namespace ondol
