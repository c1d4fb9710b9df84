// Matrix multiplication of activations by packed weights: out[m][n] = sum over k of x[m][k] * w[n][k].
//
// Weights are packed once at load into panels of kPanelCols output features, one panel being one sequential stream of bytes that is read
// once per tile of rows, in the same layout for one row and for 512 (reference/engine.md sections 0 and 2). The value of an output
// element depends on its own row and column only, bit for bit: not on how many rows, or which, are multiplied with it.
//
// Owner: the caller owns all memory. Any thread, as long as outputs are disjoint: threads share a product by taking panels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "kernel/isa.h"
#include "model/tensor.h"

namespace ondol {

inline constexpr int kPanelCols = 32;

// What the rows of x must be turned into for a weight type.
enum class ActKind : uint8_t {
  kF32,   // F32 and F16 weights: floats as they are
  kBF16,  // BF16 weights: rounded to bfloat16
  kQ8,    // quantised weights: int8 with a float scale for each 32 values
};

struct PackedMatrix {
  DType dtype = DType::kF32;  // the type it was packed from
  ActKind act = ActKind::kF32;
  int64_t rows = 0;  // output features, N
  int64_t cols = 0;  // input features, K
  size_t panel_bytes = 0;
  const std::byte* data = nullptr;  // panels() * panel_bytes, 64-byte aligned

  int64_t panels() const { return (rows + kPanelCols - 1) / kPanelCols; }
};

// 32 inputs of a quantised row: x = scale * values. All that a product needs of them lies together, so that a row is one stream.
struct ActGroup {
  int8_t values[32];
  float scale;         // NaN, with zeros as values, if one of the inputs is not finite: every product with the row is NaN then
  float offset;        // scale * sum of the values, for weights with a minimum
  int32_t sum;         // minus the sum of the values, for weights with a zero point
  int32_t first_half;  // minus the sum of the first 16
};

// Prepared rows. One allocation of act_bytes(), aligned to 64 bytes, holds them.
struct Activations {
  ActKind kind = ActKind::kF32;
  int64_t cols = 0;
  int64_t stride = 0;      // between rows of `values`: floats, bfloat16 or bytes
  void* values = nullptr;  // [row][cols] float, [row][cols] bfloat16 (uint16_t) or [row][cols / 32] ActGroup
};

size_t act_bytes(ActKind kind, int64_t max_rows, int64_t cols);
Activations bind_activations(ActKind kind, int64_t max_rows, int64_t cols, void* memory);

// The layout of a packed matrix without data: panel_bytes, act. `isa` matters: a matrix must be packed and multiplied with the same one.
// kInvalidArgument if cols does not fit the type's blocks.
Result<PackedMatrix> plan_matrix(DType dtype, int64_t rows, int64_t cols, Isa isa);

struct MatmulKernels {
  // Packs panels [panel_begin, panel_end) of `source` into memory of matrix.panels() * panel_bytes at `dst`. Output feature n is source
  // row row_map[n], or n when row_map is empty. Features past the last are zero.
  void (*pack)(const Tensor& source, std::span<const int32_t> row_map, const PackedMatrix& matrix, int64_t panel_begin, int64_t panel_end,
               std::byte* dst);
  // Converts rows [row_begin, row_end) of x (floats, `ldx` between rows).
  void (*prepare)(const float* x, int64_t ldx, int64_t row_begin, int64_t row_end, const Activations& out);
  // out[m * ldo + n] for m in [0, rows) of `x` and n in panels [panel_begin, panel_end), n < w.rows. `bias` (w.rows floats) may be null.
  void (*matmul)(const Activations& x, int64_t rows, const PackedMatrix& w, int64_t panel_begin, int64_t panel_end, const float* bias,
                 float* out, int64_t ldo);
};

const MatmulKernels& matmul_kernels(Isa isa);

}  // namespace ondol
