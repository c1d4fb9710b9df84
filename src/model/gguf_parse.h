// Parses the bytes of one GGUF file (one part of a split one) into views; GgufFile (gguf.h) puts parts together and answers questions.
//
// Owner: GgufFile. Any thread. Bounded by GgufLimits and by the bytes given: memory grows with the entries really found, never with a
// claimed count. Format: the public GGUF description, versions 2 and 3, little endian.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/gguf.h"

namespace ondol {

enum class GgufType : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };
inline constexpr uint32_t kGgufTypeCount = 13;

// Bytes of one element; 0 for strings and arrays, whose size is in the file.
size_t gguf_type_bytes(GgufType type);

// A metadata value as it lies in the file. Scalars: `bytes` is the value, `count` 1. Strings: the text. Arrays: the elements, of type
// `element`, checked to be complete.
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;
  uint64_t count = 1;
  std::span<const std::byte> bytes;
};

struct GgufTensor {
  std::string_view name;
  uint32_t type = 0;                // ggml type number (ggml_types.h)
  int64_t dims[4] = {1, 1, 1, 1};   // as stored: dims[0] is contiguous
  uint64_t offset = 0;              // in the data section of its part
  std::span<const std::byte> data;  // empty for types of unknown size
};

struct GgufPart {
  uint32_t version = 0;
  std::map<std::string_view, GgufValue, std::less<>> metadata;
  std::vector<std::string_view> keys;  // in file order
  std::vector<GgufTensor> tensors;     // in file order
};

Result<GgufPart> parse_gguf(std::span<const std::byte> bytes, const GgufLimits& limits);

// The integer in a scalar or an element; nothing if it is no integer or beyond int64.
std::optional<int64_t> gguf_integer(GgufType type, std::span<const std::byte> bytes);
std::optional<double> gguf_number(GgufType type, std::span<const std::byte> bytes);

}  // namespace ondol
