#include "model/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "model/ggml_types.h"
#include "model/gguf_parse.h"

namespace ondol {
namespace {

constexpr int kMaxParts = 1000;  // the largest published models have some dozens

// "NAME-00002-of-00009.gguf" taken apart; `count` 0 if the path has no such ending.
struct PartName {
  std::string stem;
  int index = 0;  // from 1
  int count = 0;
};

int five_digits(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

PartName split_name(const std::string& path) {
  constexpr size_t kEnding = std::string_view("-00001-of-00009.gguf").size();
  if (path.size() < kEnding) return {};
  const std::string_view ending = std::string_view(path).substr(path.size() - kEnding);
  const int index = five_digits(ending.substr(1, 5));
  const int count = five_digits(ending.substr(10, 5));
  if (ending[0] != '-' || ending.substr(6, 4) != "-of-" || ending.substr(15) != ".gguf" || index < 1 || count < index) return {};
  return {path.substr(0, path.size() - kEnding), index, count};
}

std::string part_path(const PartName& name, int index) {
  const auto padded = [](int number) {
    const std::string digits = std::to_string(number);
    return std::string(5 - digits.size(), '0') + digits;
  };
  return name.stem + "-" + padded(index) + "-of-" + padded(name.count) + ".gguf";
}

std::optional<int64_t> part_integer(const GgufPart& part, std::string_view key) {
  const auto found = part.metadata.find(key);
  if (found == part.metadata.end()) return std::nullopt;
  return gguf_integer(found->second.type, found->second.bytes);
}

// Whether a file is the part that its name says (`index` from 1; a name without numbers is a whole model).
Status check_part(const GgufPart& part, const PartName& name, int index, const std::string& path) {
  const int64_t count = part_integer(part, "split.count").value_or(0);
  const int64_t number = part_integer(part, "split.no").value_or(0);
  const std::string about = quoted(path, 200) + " has split.no " + std::to_string(number) + " and split.count " + std::to_string(count);
  if (name.count <= 1) {
    if (count <= 1) return {};
    return fail(Code::kInvalidArgument, about + ": it is one part of a model, and its name must end in -0000N-of-0000M.gguf");
  }
  if (count == name.count && number == index - 1) return {};
  return fail(Code::kInvalidArgument, about + ", but its name says part " + std::to_string(index) + " of " + std::to_string(name.count));
}

std::string shape_text(const GgufTensor& tensor) {
  std::string out = "[" + std::to_string(tensor.dims[0]);
  for (int d = 1; d < 4; ++d) out += ", " + std::to_string(tensor.dims[d]);
  return out + "]";
}

}  // namespace

struct GgufFile::State {
  std::vector<MappedFile> files;
  std::vector<GgufPart> parts;
  std::map<std::string_view, const GgufTensor*, std::less<>> tensors;
  uint64_t bytes = 0;

  const GgufValue* find(std::string_view key) const {
    const auto found = parts[0].metadata.find(key);
    return found == parts[0].metadata.end() ? nullptr : &found->second;
  }

  const GgufValue* find_array(std::string_view key) const {
    const GgufValue* value = find(key);
    return value != nullptr && value->type == GgufType::kArray ? value : nullptr;
  }

  Status add(std::span<const std::byte> content, const GgufLimits& limits) {
    ONDOL_TRY(auto part, parse_gguf(content, limits));
    parts.push_back(std::move(part));
    bytes += content.size();
    return {};
  }

  // Names over all parts, once no more part comes (the map points into them).
  Status index() {
    for (const GgufPart& part : parts) {
      for (const GgufTensor& tensor : part.tensors) {
        if (!tensors.emplace(tensor.name, &tensor).second) {
          return fail(Code::kInvalidArgument, "tensor " + quoted(tensor.name) + " appears in two parts of the split file");
        }
      }
    }
    const auto total = part_integer(parts[0], "split.tensors.count");
    if (total && *total != static_cast<int64_t>(tensors.size())) {
      return fail(Code::kDataLoss, "the split file's parts hold " + std::to_string(tensors.size()) + " tensors, split.tensors.count says " +
                                       std::to_string(*total));
    }
    return {};
  }
};

GgufFile::GgufFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
GgufFile::GgufFile(GgufFile&&) noexcept = default;
GgufFile& GgufFile::operator=(GgufFile&&) noexcept = default;
GgufFile::~GgufFile() = default;

Result<GgufFile> GgufFile::open(const std::string& path, const GgufLimits& limits) {
  auto state = std::make_unique<State>();
  const PartName name = split_name(path);
  if (name.count > kMaxParts) {
    return fail(Code::kResourceExhausted, quoted(path, 200) + " claims " + std::to_string(name.count) + " parts, more than the limit of " +
                                              std::to_string(kMaxParts));
  }
  for (int index = 1; index <= std::max(name.count, 1); ++index) {
    const std::string file_path = name.count == 0 ? path : part_path(name, index);
    auto file = MappedFile::open(file_path);
    if (!file) return fail(file.error(), name.count == 0 ? "opening the model" : "opening part " + std::to_string(index) + " of the model");
    state->files.push_back(std::move(*file));
    if (auto added = state->add(state->files.back().bytes(), limits); !added)
      return fail(added.error(), "reading " + quoted(file_path, 200));
    ONDOL_TRY_STATUS(check_part(state->parts.back(), name, index, file_path));
  }
  if (auto indexed = state->index(); !indexed) return fail(indexed.error(), "reading " + quoted(path, 200));
  return GgufFile(std::move(state));
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, const GgufLimits& limits) {
  auto state = std::make_unique<State>();
  ONDOL_TRY_STATUS(state->add(bytes, limits));
  if (part_integer(state->parts[0], "split.count").value_or(0) > 1) {
    return fail(Code::kInvalidArgument, "this is one part of a split file; open it by its path");
  }
  ONDOL_TRY_STATUS(state->index());
  return GgufFile(std::move(state));
}

bool GgufFile::has(std::string_view key) const { return state_->find(key) != nullptr; }

std::optional<std::string_view> GgufFile::string(std::string_view key) const {
  const GgufValue* value = state_->find(key);
  if (value == nullptr || value->type != GgufType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
}

std::optional<int64_t> GgufFile::integer(std::string_view key) const {
  const GgufValue* value = state_->find(key);
  return value == nullptr ? std::nullopt : gguf_integer(value->type, value->bytes);
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const GgufValue* value = state_->find(key);
  return value == nullptr ? std::nullopt : gguf_number(value->type, value->bytes);
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const GgufValue* value = state_->find(key);
  if (value == nullptr || value->type != GgufType::kBool) return std::nullopt;
  return value->bytes[0] != std::byte{0};
}

std::optional<std::vector<std::string_view>> GgufFile::strings(std::string_view key) const {
  const GgufValue* value = state_->find_array(key);
  if (value == nullptr || value->element != GgufType::kString) return std::nullopt;
  std::vector<std::string_view> out;
  out.reserve(value->count);  // every element was walked when the file was opened
  const std::byte* at = value->bytes.data();
  for (uint64_t i = 0; i < value->count; ++i) {
    uint64_t size = 0;
    std::memcpy(&size, at, sizeof size);
    out.emplace_back(reinterpret_cast<const char*>(at + sizeof size), size);
    at += sizeof size + size;
  }
  return out;
}

std::optional<std::vector<int64_t>> GgufFile::integers(std::string_view key) const {
  const GgufValue* value = state_->find_array(key);
  const size_t size = value == nullptr ? 0 : gguf_type_bytes(value->element);
  if (size == 0) return std::nullopt;
  std::vector<int64_t> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto element = gguf_integer(value->element, value->bytes.subspan(i * size, size));
    if (!element) return std::nullopt;
    out.push_back(*element);
  }
  return out;
}

std::optional<std::vector<float>> GgufFile::numbers(std::string_view key) const {
  const GgufValue* value = state_->find_array(key);
  const size_t size = value == nullptr ? 0 : gguf_type_bytes(value->element);
  if (size == 0) return std::nullopt;
  std::vector<float> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto element = gguf_number(value->element, value->bytes.subspan(i * size, size));
    if (!element) return std::nullopt;
    out.push_back(static_cast<float>(*element));
  }
  return out;
}

bool GgufFile::has_tensor(std::string_view name) const { return state_->tensors.contains(name); }

Result<Tensor> GgufFile::tensor(std::string_view name) const {
  const auto found = state_->tensors.find(name);
  if (found == state_->tensors.end()) return fail(Code::kNotFound, "the file has no tensor " + quoted(name));
  const GgufTensor& tensor = *found->second;
  const GgmlType* type = find_ggml_type(tensor.type);
  if (type == nullptr || !type->dtype) {
    return fail(Code::kUnimplemented, "tensor " + quoted(name) + " has type " + ggml_type_name(tensor.type) +
                                          ", which is not supported; take a file in F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, "
                                          "Q5_K or Q6_K");
  }
  if (tensor.dims[3] != 1) {
    return fail(Code::kUnimplemented,
                "tensor " + quoted(name) + " has shape " + shape_text(tensor) + "; at most three dimensions are supported");
  }
  return Tensor{*type->dtype, tensor.dims[2], tensor.dims[1], tensor.dims[0], tensor.data};
}

std::vector<std::string_view> GgufFile::tensor_names() const {
  std::vector<std::string_view> out;
  out.reserve(state_->tensors.size());
  for (const GgufPart& part : state_->parts) {
    for (const GgufTensor& tensor : part.tensors) out.push_back(tensor.name);
  }
  return out;
}

std::vector<std::string_view> GgufFile::keys() const { return state_->parts[0].keys; }
uint32_t GgufFile::version() const { return state_->parts[0].version; }
uint64_t GgufFile::file_bytes() const { return state_->bytes; }

void GgufFile::drop_resident() const {
  for (const MappedFile& file : state_->files) file.drop_resident();
}

}  // namespace ondol
