// A tensor as it lies in a model file: type, shape, bytes. A view; the bytes belong to the mapped file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

// Element types of weights that the kernels can pack. Quantised types are the ggml block formats.
enum class DType : uint8_t { kF32, kF16, kBF16, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ5_K, kQ6_K };
inline constexpr int kDTypeCount = 11;

struct DTypeTraits {
  std::string_view name;  // "F32", "Q4_K", ...
  int block_elements;     // 1 for floats, 32 or 256 for blocks
  int block_bytes;
};
const DTypeTraits& traits(DType type);

// Bytes of one row of `cols` elements; `cols` must be a multiple of block_elements.
size_t row_bytes(DType type, int64_t cols);

// Row-major matrix: `rows` output features of `cols` contiguous input features; a vector has rows == 1. `depth` stacks matrices (experts).
struct Tensor {
  DType dtype = DType::kF32;
  int64_t depth = 1;
  int64_t rows = 1;
  int64_t cols = 0;
  std::span<const std::byte> data;  // depth * rows * row_bytes(dtype, cols) bytes, checked when the file was opened

  int64_t elements() const { return depth * rows * cols; }
  std::span<const std::byte> row(int64_t r) const {
    const size_t bytes = row_bytes(dtype, cols);
    return data.subspan(static_cast<size_t>(r) * bytes, bytes);
  }
  // The d-th matrix of the stack.
  Tensor slice(int64_t d) const {
    const size_t bytes = static_cast<size_t>(rows) * row_bytes(dtype, cols);
    return {dtype, 1, rows, cols, data.subspan(static_cast<size_t>(d) * bytes, bytes)};
  }
};

// Writes the row's `cols` values as floats. Formats: ggml's block layouts, little endian. `out` holds at least cols values.
void dequantize_row(DType type, std::span<const std::byte> row, int64_t cols, float* out);

}  // namespace ondol
