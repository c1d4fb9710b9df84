// What the AVX2 files of matmul share. Include only from *_avx2.cc; everything inline here has internal linkage, so that the linker
// cannot give a copy compiled for AVX2 to code that runs on every CPU.
#pragma once

#include "kernel/intrinsics.h"
#include "kernel/matmul_layout.h"

namespace ondol {

const TileSet& int8_tiles_avx2(DType type);
const TileSet& float_tiles_avx2(DType type);

namespace {

inline constexpr int kSlice = 8;  // features in a vector

// Adds the bias to slices `first`, `first + 1`, ... and writes the features that exist.
template <int kRows, int kSlices>
inline __attribute__((always_inline)) void store_tile(const TileArgs& t, int first, const __m256 (&sum)[kRows][kSlices]) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
#pragma GCC unroll 4
  for (int s = 0; s < kSlices; ++s) {
    const int at = (first + s) * kSlice;
    const __m256i exist = _mm256_cmpgt_epi32(_mm256_set1_epi32(t.features - at), lanes);
    const __m256 bias = t.bias == nullptr ? _mm256_setzero_ps() : _mm256_maskload_ps(t.bias + at, exist);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) _mm256_maskstore_ps(t.out + r * t.ldo + at, exist, _mm256_add_ps(sum[r][s], bias));
  }
}

}  // namespace
}  // namespace ondol
