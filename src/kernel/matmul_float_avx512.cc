// F32, F16 and BF16 weights: tiles of up to 8 rows by 32 features, in FMA or vdpbf16ps: 16 of the 32 registers, and a batch of 8 reads the
// weights once.
#include "kernel/matmul_avx512.h"

namespace ondol {
namespace {

// 16 features of step k (BF16: of the pair of inputs k) as what the multiplication takes.
template <DType kType>
inline __attribute__((always_inline)) __m512 weights(const uint8_t* panel, int64_t k, int side) {
  if constexpr (kType == DType::kF16) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + k * 64 + side * 32)));
  } else {
    return _mm512_loadu_ps(panel + k * 128 + side * 64);
  }
}

template <DType kType>
inline __attribute__((always_inline)) __m512 multiply_add(__m512 sum, __m512 w, __m512 a) {
  if constexpr (kType == DType::kBF16) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)w);
  } else {
    return _mm512_fmadd_ps(a, w, sum);
  }
}

template <DType kType, int kRows>
void tile(const TileArgs& args) {
  const TileArgs t = args;
  __m512 sum[kRows][2];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  prefetch_out<kRows>(t);
  // A step is one float, or a pair of bfloat16 that is moved as if it were one.
  const bool pairs = kType == DType::kBF16;
  const int64_t steps = pairs ? (t.cols + 1) / 2 : t.cols;
  const int64_t stride = pairs ? t.stride / 2 : t.stride;
  const auto* x = static_cast<const float*>(t.values);
#pragma GCC unroll 4
  for (int64_t k = 0; k < steps; ++k) {
    const __m512 w0 = weights<kType>(t.panel, k, 0);
    const __m512 w1 = weights<kType>(t.panel, k, 1);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512 a = _mm512_set1_ps(x[r * stride + k]);
      sum[r][0] = multiply_add<kType>(sum[r][0], w0, a);
      sum[r][1] = multiply_add<kType>(sum[r][1], w1, a);
    }
  }
  store_tile<kRows>(t, sum);
}

template <DType kType>
constexpr TileSet tiles() {
  return {{tile<kType, 1>, tile<kType, 2>, tile<kType, 3>, tile<kType, 4>, tile<kType, 5>, tile<kType, 6>, tile<kType, 7>, tile<kType, 8>},
          8};
}

constexpr TileSet kF32 = tiles<DType::kF32>();
constexpr TileSet kF16 = tiles<DType::kF16>();
constexpr TileSet kBF16 = tiles<DType::kBF16>();

}  // namespace

const TileSet& float_tiles_avx512(DType type) {
  if (type == DType::kF32) return kF32;
  if (type == DType::kF16) return kF16;
  return kBF16;
}

}  // namespace ondol
