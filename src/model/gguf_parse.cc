#include "model/gguf_parse.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "model/ggml_types.h"

namespace ondol {
namespace {

constexpr uint64_t kMaxAlignment = 1 << 20;  // files use 32; pages and huge pages are far below
constexpr uint32_t kDefaultAlignment = 32;
// The smallest entries that the format allows: key length, one letter, type, one byte; name length, letter, rank, one dim, type, offset.
constexpr uint64_t kSmallestPair = 8 + 1 + 4 + 1;
constexpr uint64_t kSmallestTensor = 8 + 1 + 4 + 8 + 4 + 8;

std::string text(uint64_t number) { return std::to_string(number); }

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t position() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  std::span<const std::byte> since(size_t start) const { return bytes_.subspan(start, at_ - start); }

  Result<std::span<const std::byte>> take(uint64_t size, std::string_view what) {
    if (size > left()) {
      return fail(Code::kDataLoss, "file ends inside " + std::string(what) + ": " + text(size) + " bytes wanted at offset " + text(at_) +
                                       ", " + text(left()) + " left");
    }
    const auto taken = bytes_.subspan(at_, static_cast<size_t>(size));
    at_ += static_cast<size_t>(size);
    return taken;
  }

  template <class T>
  Result<T> number(std::string_view what) {
    ONDOL_TRY(const auto bytes, take(sizeof(T), what));
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  Result<std::string_view> string(std::string_view what, uint64_t max_bytes) {
    ONDOL_TRY(const auto size, number<uint64_t>(what));
    if (size > max_bytes) {
      return fail(Code::kResourceExhausted,
                  std::string(what) + " claims " + text(size) + " bytes, more than the limit of " + text(max_bytes));
    }
    ONDOL_TRY(const auto bytes, take(size, what));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

Result<GgufType> read_type(Reader& reader, std::string_view key) {
  ONDOL_TRY(const auto type, reader.number<uint32_t>("a value type"));
  if (type >= kGgufTypeCount) return fail(Code::kInvalidArgument, "key " + quoted(key) + " has unknown value type " + text(type));
  return static_cast<GgufType>(type);
}

Status skip_array(Reader& reader, std::string_view key, GgufValue& value, const GgufLimits& limits, int depth) {
  if (depth > limits.max_array_depth) {
    return fail(Code::kResourceExhausted, "key " + quoted(key) + " nests arrays deeper than " + std::to_string(limits.max_array_depth));
  }
  ONDOL_TRY(value.element, read_type(reader, key));
  ONDOL_TRY(value.count, reader.number<uint64_t>("an array length"));
  if (value.count > limits.max_array) {
    return fail(Code::kResourceExhausted, "key " + quoted(key) + " claims an array of " + text(value.count) +
                                              " elements, more than the limit of " + text(limits.max_array));
  }
  const size_t start = reader.position();
  if (const size_t size = gguf_type_bytes(value.element); size != 0) {
    ONDOL_TRY_STATUS(reader.take(value.count * size, "an array"));
  } else {
    for (uint64_t i = 0; i < value.count; ++i) {
      if (value.element == GgufType::kString) {
        ONDOL_TRY_STATUS(reader.string("a string of an array", limits.max_string));
      } else {
        GgufValue inner;
        ONDOL_TRY_STATUS(skip_array(reader, key, inner, limits, depth + 1));
      }
    }
  }
  value.bytes = reader.since(start);
  return {};
}

Result<GgufValue> read_value(Reader& reader, std::string_view key, const GgufLimits& limits) {
  GgufValue value;
  ONDOL_TRY(value.type, read_type(reader, key));
  if (value.type == GgufType::kString) {
    ONDOL_TRY(const auto string, reader.string("a metadata string", limits.max_string));
    value.bytes = std::as_bytes(std::span(string));
  } else if (value.type == GgufType::kArray) {
    ONDOL_TRY_STATUS(skip_array(reader, key, value, limits, 1));
  } else {
    ONDOL_TRY(value.bytes, reader.take(gguf_type_bytes(value.type), "a metadata value"));
  }
  return value;
}

struct Header {
  uint64_t tensors, pairs;
};

Result<Header> read_header(Reader& reader, const GgufLimits& limits, GgufPart& part) {
  ONDOL_TRY(const auto magic, reader.take(4, "the magic"));
  if (std::memcmp(magic.data(), "GGUF", 4) != 0) return fail(Code::kInvalidArgument, "not a GGUF file: it does not start with \"GGUF\"");
  ONDOL_TRY(part.version, reader.number<uint32_t>("the version"));
  if (part.version != 2 && part.version != 3) {
    const bool swapped = part.version != 0 && (part.version & 0xFFFFu) == 0;
    return fail(Code::kUnimplemented, swapped ? std::string("GGUF file is big endian; only little endian is supported")
                                              : "GGUF version " + text(part.version) + " is not supported (2 and 3 are)");
  }
  Header header{};
  ONDOL_TRY(header.tensors, reader.number<uint64_t>("the tensor count"));
  ONDOL_TRY(header.pairs, reader.number<uint64_t>("the metadata count"));
  if (header.tensors > limits.max_tensors) {
    return fail(Code::kResourceExhausted,
                "file claims " + text(header.tensors) + " tensors, more than the limit of " + text(limits.max_tensors));
  }
  if (header.pairs > limits.max_metadata) {
    return fail(Code::kResourceExhausted,
                "file claims " + text(header.pairs) + " metadata pairs, more than the limit of " + text(limits.max_metadata));
  }
  if (header.pairs * kSmallestPair + header.tensors * kSmallestTensor > reader.left()) {
    return fail(Code::kDataLoss, "file claims " + text(header.pairs) + " metadata pairs and " + text(header.tensors) +
                                     " tensors, but has only " + text(reader.left()) + " bytes");
  }
  return header;
}

Status read_metadata(Reader& reader, uint64_t pairs, const GgufLimits& limits, GgufPart& part) {
  for (uint64_t i = 0; i < pairs; ++i) {
    ONDOL_TRY(const auto key, reader.string("a metadata key", 65535));
    if (key.empty()) return fail(Code::kInvalidArgument, "metadata pair " + text(i) + " has an empty key");
    ONDOL_TRY(const auto value, read_value(reader, key, limits));
    if (!part.metadata.emplace(key, value).second) return fail(Code::kInvalidArgument, "metadata key " + quoted(key) + " appears twice");
    part.keys.push_back(key);
  }
  return {};
}

Result<uint64_t> alignment_of(const GgufPart& part) {
  const auto found = part.metadata.find("general.alignment");
  if (found == part.metadata.end()) return kDefaultAlignment;
  const auto value = gguf_integer(found->second.type, found->second.bytes);
  // Eight at least: every element type that kernels read in place is then aligned.
  if (!value || *value < 8 || *value > static_cast<int64_t>(kMaxAlignment) || !std::has_single_bit(static_cast<uint64_t>(*value))) {
    return fail(Code::kInvalidArgument, "general.alignment " + (value ? std::to_string(*value) : std::string("(not an integer)")) +
                                            " is not a power of two between 8 and " + text(kMaxAlignment));
  }
  return static_cast<uint64_t>(*value);
}

Result<GgufTensor> read_tensor(Reader& reader) {
  GgufTensor tensor;
  ONDOL_TRY(tensor.name, reader.string("a tensor name", 1024));
  const auto about = [&] { return "tensor " + quoted(tensor.name); };
  if (tensor.name.empty()) return fail(Code::kInvalidArgument, "a tensor has an empty name");
  ONDOL_TRY(const auto rank, reader.number<uint32_t>("a tensor's rank"));
  if (rank < 1 || rank > 4) return fail(Code::kInvalidArgument, about() + " has " + text(rank) + " dimensions; 1 to 4 are possible");
  uint64_t elements = 1;
  for (uint32_t d = 0; d < rank; ++d) {
    ONDOL_TRY(const auto dim, reader.number<uint64_t>("a tensor's shape"));
    if (dim == 0) return fail(Code::kInvalidArgument, about() + " has a dimension of zero");
    // 2^56 elements are beyond any file, and leave room for the multiplication by a block's bytes.
    if (dim > (uint64_t{1} << 56) / elements) return fail(Code::kInvalidArgument, about() + " has a shape whose size overflows");
    elements *= dim;
    tensor.dims[d] = static_cast<int64_t>(dim);
  }
  ONDOL_TRY(tensor.type, reader.number<uint32_t>("a tensor's type"));
  ONDOL_TRY(tensor.offset, reader.number<uint64_t>("a tensor's offset"));
  return tensor;
}

// Places a tensor in the data section: inside it, aligned, whole blocks.
Status place_tensor(GgufTensor& tensor, std::span<const std::byte> section, uint64_t alignment) {
  const std::string about = "tensor " + quoted(tensor.name);
  if (tensor.offset % alignment != 0) {
    return fail(Code::kInvalidArgument, about + " starts at offset " + text(tensor.offset) + ", not a multiple of " + text(alignment));
  }
  if (tensor.offset > section.size()) {
    return fail(Code::kDataLoss,
                about + " starts at offset " + text(tensor.offset) + ", beyond the " + text(section.size()) + " bytes of data");
  }
  const GgmlType* type = find_ggml_type(tensor.type);
  if (type == nullptr) return {};
  if (tensor.dims[0] % type->block_elements != 0) {
    return fail(Code::kInvalidArgument, about + " has rows of " + std::to_string(tensor.dims[0]) + " elements, not a multiple of the " +
                                            std::to_string(type->block_elements) + " in a block of " + std::string(type->name));
  }
  const auto blocks = static_cast<uint64_t>(tensor.dims[0] / type->block_elements * tensor.dims[1] * tensor.dims[2] * tensor.dims[3]);
  // At most 2^56 blocks of 292 bytes would overflow; blocks beyond the section are refused before the product is taken.
  const uint64_t room = section.size() - tensor.offset;
  if (blocks > room / static_cast<uint64_t>(type->block_bytes)) {
    return fail(Code::kDataLoss, about + " needs " + text(blocks) + " blocks of " + std::to_string(type->block_bytes) +
                                     " bytes at offset " + text(tensor.offset) + ", but only " + text(room) + " bytes are there");
  }
  tensor.data = section.subspan(tensor.offset, static_cast<size_t>(blocks) * static_cast<size_t>(type->block_bytes));
  return {};
}

Status check_unique_and_apart(const std::vector<GgufTensor>& tensors) {
  std::vector<const GgufTensor*> order;
  order.reserve(tensors.size());
  for (const GgufTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const GgufTensor* a, const GgufTensor* b) { return a->name < b->name; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i]->name == order[i - 1]->name) return fail(Code::kInvalidArgument, "tensor " + quoted(order[i]->name) + " appears twice");
  }
  std::sort(order.begin(), order.end(), [](const GgufTensor* a, const GgufTensor* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->offset + order[i - 1]->data.size() > order[i]->offset) {
      return fail(Code::kInvalidArgument, "tensors " + quoted(order[i - 1]->name) + " and " + quoted(order[i]->name) +
                                              " overlap at offset " + text(order[i]->offset));
    }
  }
  return {};
}

template <class T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

size_t gguf_type_bytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool: return 1;
    case GgufType::kU16:
    case GgufType::kI16: return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32: return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64: return 8;
    case GgufType::kString:
    case GgufType::kArray: return 0;
  }
  return 0;
}

std::optional<int64_t> gguf_integer(GgufType type, std::span<const std::byte> bytes) {
  switch (type) {
    case GgufType::kU8: return load<uint8_t>(bytes);
    case GgufType::kI8: return load<int8_t>(bytes);
    case GgufType::kBool: return load<uint8_t>(bytes) != 0;
    case GgufType::kU16: return load<uint16_t>(bytes);
    case GgufType::kI16: return load<int16_t>(bytes);
    case GgufType::kU32: return load<uint32_t>(bytes);
    case GgufType::kI32: return load<int32_t>(bytes);
    case GgufType::kI64: return load<int64_t>(bytes);
    case GgufType::kU64: {
      const auto value = load<uint64_t>(bytes);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default: return std::nullopt;
  }
}

std::optional<double> gguf_number(GgufType type, std::span<const std::byte> bytes) {
  if (type == GgufType::kF32) return load<float>(bytes);
  if (type == GgufType::kF64) return load<double>(bytes);
  if (const auto integer = gguf_integer(type, bytes)) return static_cast<double>(*integer);
  return std::nullopt;
}

Result<GgufPart> parse_gguf(std::span<const std::byte> bytes, const GgufLimits& limits) {
  GgufPart part;
  Reader reader(bytes);
  ONDOL_TRY(const Header header, read_header(reader, limits, part));
  ONDOL_TRY_STATUS(read_metadata(reader, header.pairs, limits, part));
  ONDOL_TRY(const uint64_t alignment, alignment_of(part));
  for (uint64_t i = 0; i < header.tensors; ++i) {
    ONDOL_TRY(auto tensor, read_tensor(reader));
    part.tensors.push_back(tensor);
  }
  if (part.tensors.empty()) return part;
  const uint64_t padding = (alignment - reader.position() % alignment) % alignment;
  ONDOL_TRY_STATUS(reader.take(padding, "the padding in front of the tensor data"));
  const auto section = bytes.subspan(reader.position());
  for (GgufTensor& tensor : part.tensors) ONDOL_TRY_STATUS(place_tensor(tensor, section, alignment));
  ONDOL_TRY_STATUS(check_unique_and_apart(part.tensors));
  return part;
}

}  // namespace ondol
