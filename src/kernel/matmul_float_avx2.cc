// F32, F16 and BF16 weights with FMA: tiles of up to 6 rows by 16 features, 12 of 16 registers.
#include "kernel/matmul_avx2.h"

namespace ondol {
namespace {

__m256 floats_at(const uint8_t* at) { return _mm256_loadu_ps(reinterpret_cast<const float*>(at)); }

// Step k for one row and slice: one input, or for BF16 the pair of inputs k, each product exact and each sum rounded once.
template <DType kType>
inline __attribute__((always_inline)) __m256 multiply_add(__m256 sum, __m256 w, __m256 a) {
  if constexpr (kType != DType::kBF16) return _mm256_fmadd_ps(a, w, sum);
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000u));
  const __m256i wi = _mm256_castps_si256(w);
  const __m256i ai = _mm256_castps_si256(a);
  const __m256 w0 = _mm256_castsi256_ps(_mm256_slli_epi32(wi, 16));
  const __m256 a0 = _mm256_castsi256_ps(_mm256_slli_epi32(ai, 16));
  const __m256 w1 = _mm256_castsi256_ps(_mm256_and_si256(wi, high));
  const __m256 a1 = _mm256_castsi256_ps(_mm256_and_si256(ai, high));
  return _mm256_fmadd_ps(a1, w1, _mm256_fmadd_ps(a0, w0, sum));
}

template <DType kType>
inline __attribute__((always_inline)) __m256 weights(const uint8_t* panel, int64_t k, int slice) {
  if constexpr (kType == DType::kF16) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + k * 64 + slice * 16)));
  } else {
    return floats_at(panel + k * 128 + slice * 32);
  }
}

template <DType kType, int kRows, int kSlices>
void tile(const TileArgs& args) {
  const TileArgs t = args;
  const bool pairs = kType == DType::kBF16;
  const int64_t steps = pairs ? (t.cols + 1) / 2 : t.cols;
  const int64_t stride = pairs ? t.stride / 2 : t.stride;
  const auto* x = static_cast<const float*>(t.values);
  for (int slice = 0; slice * kSlice < t.features; slice += kSlices) {
    __m256 sum[kRows][kSlices];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < kSlices; ++s) sum[r][s] = _mm256_setzero_ps();
    }
    for (int64_t k = 0; k < steps; ++k) {
      __m256 w[kSlices];
#pragma GCC unroll 4
      for (int s = 0; s < kSlices; ++s) w[s] = weights<kType>(t.panel, k, slice + s);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const __m256 a = _mm256_broadcast_ss(x + r * stride + k);
#pragma GCC unroll 4
        for (int s = 0; s < kSlices; ++s) sum[r][s] = multiply_add<kType>(sum[r][s], w[s], a);
      }
    }
    store_tile<kRows, kSlices>(t, slice, sum);
  }
}

template <DType kType>
constexpr TileSet tiles() {
  return {{tile<kType, 1, 4>, tile<kType, 2, 4>, tile<kType, 3, 2>, tile<kType, 4, 2>, tile<kType, 5, 2>, tile<kType, 6, 2>}, 6};
}

constexpr TileSet kF32 = tiles<DType::kF32>();
constexpr TileSet kF16 = tiles<DType::kF16>();
constexpr TileSet kBF16 = tiles<DType::kBF16>();

}  // namespace

const TileSet& float_tiles_avx2(DType type) {
  if (type == DType::kF32) return kF32;
  if (type == DType::kF16) return kF16;
  return kBF16;
}

}  // namespace ondol
