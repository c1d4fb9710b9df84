// How packed panels lie in memory, and the tables of the instruction sets. Private to matmul*.cc.
//
// A panel holds kPanelCols output features. Float types: [cols][32] values (BF16: [cols / 2][32][2], an odd last input is padded with
// zero). Quantised types: for each group of 32 inputs one record
//   codes   unsigned, as the u8 operand of a dot product of 4 bytes: vectors of 128 bytes in which byte c * 4 + j belongs to feature c.
//           A quad q is the inputs 4 * q + j, j < 4. What the quads' codes leave free in their bytes holds the codes of further quads:
//           8 bits: vector q is quad q.
//           4 bits: vector i is quad 2 * i, and in the high nibble quad 2 * i + 1.
//           5 bits: vectors 0 to 4 are quads 0 to 4; in the top three bits quad 5 = top3(v0) + 8 * low2(top3(v1)), quad 6 the same of v2,
//           v3, quad 7 = top3(v4) + 8 * top1(v1) + 16 * top1(v3). 6 bits: vectors 3h, 3h + 1, 3h + 2 are quads 4h, 4h + 1, 4h + 2; in the
//           top two bits quad 4h + 3, its highest bits first.
//   scales  32-blocks: f16 scale[32], then f16 minimum[32] if has_min. 256-blocks: u8 scale[32], u8 minimum[32], or i8 scale[2][32].
//           They follow the codes, with two scales per group the codes of the first half: what is needed in turn lies in turn, since the
//           hardware's prefetch loses a stream that jumps (6 bits ran at half the speed of memory).
// and for 256-blocks, before each eight records, a header: f16 d[32], then f16 dmin[32] if has_min.
// A weight is scale * code - minimum, or scale * (code - 2^zero_shift). A panel takes the bits of the file and at most 3 % more (the 6-bit
// scales of Q4_K and Q5_K, stored as bytes).
#pragma once

#include <cstdint>
#include <cstring>

#include "kernel/matmul.h"

namespace ondol {

inline constexpr int kGroup = 32;  // inputs that share a scale of the activations
inline constexpr int kMatmulTileRows = 8;

struct QuantLayout {
  int code_bits;
  int zero_shift;  // 0: no zero point
  bool blocks_of_256;
  bool has_min;
  int halves;  // scales per group, at least 1

  constexpr int code_bytes() const { return code_bits * kPanelCols * kGroup / 8; }
  constexpr int scale_offset() const { return code_bytes() / halves; }
  constexpr int scale_bytes() const { return has_min && !blocks_of_256 ? 128 : 64; }
  constexpr int vector_offset(int i) const { return i * 128 + (i * 128 < scale_offset() ? 0 : scale_bytes()); }
  constexpr int group_bytes() const { return code_bytes() + scale_bytes(); }
  constexpr int header_bytes() const { return !blocks_of_256 ? 0 : has_min ? 128 : 64; }
  constexpr int groups_per_block() const { return blocks_of_256 ? 8 : 1; }
  constexpr int block_bytes() const { return header_bytes() + groups_per_block() * group_bytes(); }
};

// A layout with code_bits == 0 for float types.
constexpr QuantLayout quant_layout(DType type) {
  switch (type) {
    case DType::kQ4_0: return {4, 3, false, false, 1};
    case DType::kQ4_1: return {4, 0, false, true, 1};
    case DType::kQ5_0: return {5, 4, false, false, 1};
    case DType::kQ5_1: return {5, 0, false, true, 1};
    case DType::kQ8_0: return {8, 7, false, false, 1};
    case DType::kQ4_K: return {4, 0, true, true, 1};
    case DType::kQ5_K: return {5, 0, true, true, 1};
    case DType::kQ6_K: return {6, 5, true, false, 2};
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16: break;
  }
  return {.code_bits = 0, .zero_shift = 0, .blocks_of_256 = false, .has_min = false, .halves = 1};
}

// Rounds groups with a largest magnitude below this to zero: 127 / amax must not overflow.
inline constexpr float kTinyActivation = 1e-30f;

// The memory of a tile's operands.
struct TileArgs {
  const void* values = nullptr;  // of the activations' first row
  int64_t stride = 0;            // as in Activations
  int64_t groups = 0;            // of 32 inputs
  int64_t cols = 0;
  const uint8_t* panel = nullptr;
  const float* bias = nullptr;  // of the panel's first feature
  float* out = nullptr;
  int64_t ldo = 0;
  int features = 0;  // that are stored, 1..32
};
using TileFunction = void (*)(const TileArgs&);

// The tiles of one weight type: rows[r - 1] computes r rows, r = 1..max_rows.
struct TileSet {
  TileFunction rows[kMatmulTileRows];
  int max_rows;
};

// Walks rows and panels in tiles.
void run_tiles(const Activations& x, int64_t rows, const PackedMatrix& w, int64_t panel_begin, int64_t panel_end, const float* bias,
               float* out, int64_t ldo, const TileSet& tiles);

void pack_panels(const Tensor& source, std::span<const int32_t> row_map, const PackedMatrix& matrix, int64_t panel_begin, int64_t panel_end,
                 std::byte* dst);

extern const MatmulKernels kMatmulScalar;
extern const MatmulKernels kMatmulAvx2;
extern const MatmulKernels kMatmulAvx512;

}  // namespace ondol
