// What the AVX-512 files of matmul share. Include only from *_avx512.cc; everything inline here has internal linkage, so that the linker
// cannot give a copy compiled for AVX-512 to code that runs on every CPU.
#pragma once

#include "kernel/intrinsics.h"

#include "kernel/matmul_layout.h"

namespace ondol {

const TileSet& int8_tiles_avx512(DType type);
const TileSet& float_tiles_avx512(DType type);

namespace {

// Fetches the lines that the tile will write: with many rows each lies in a page of its own, and the stores would wait for one after the
// other. 7 % at 128 rows of 8960 features.
template <int kRows>
inline __attribute__((always_inline)) void prefetch_out(const TileArgs& t) {
  for (int r = 0; r < kRows; ++r) {
    const auto* out = reinterpret_cast<const char*>(t.out + r * t.ldo);
    _mm_prefetch(out, _MM_HINT_T0);
    _mm_prefetch(out + 64, _MM_HINT_T0);
    _mm_prefetch(out + 127, _MM_HINT_T0);
  }
}

// Adds the bias and writes the features that exist.
template <int kRows>
inline __attribute__((always_inline)) void store_tile(const TileArgs& t, const __m512 (&sum)[kRows][2]) {
  const uint32_t mask = static_cast<uint32_t>((uint64_t{1} << t.features) - 1);
  const auto m0 = static_cast<__mmask16>(mask);
  const auto m1 = static_cast<__mmask16>(mask >> 16);
  __m512 b0 = _mm512_setzero_ps();
  __m512 b1 = _mm512_setzero_ps();
  if (t.bias != nullptr) {
    b0 = _mm512_maskz_loadu_ps(m0, t.bias);
    b1 = _mm512_maskz_loadu_ps(m1, t.bias + 16);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* out = t.out + r * t.ldo;
    _mm512_mask_storeu_ps(out, m0, _mm512_add_ps(sum[r][0], b0));
    _mm512_mask_storeu_ps(out + 16, m1, _mm512_add_ps(sum[r][1], b1));
  }
}

}  // namespace
}  // namespace ondol
