// Preparing activations, and the table of the AVX-512 kernels.
#include "kernel/matmul_avx512.h"

namespace ondol {
namespace {

// Quantises the 32 values at x: scale = amax / 127, rounding to nearest even.
void quantize_group(const float* x, ActGroup& out) {
  const __m512 x0 = _mm512_loadu_ps(x);
  const __m512 x1 = _mm512_loadu_ps(x + 16);
  // Magnitudes compare as integers, infinities and NaN above all finite ones.
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
  const __m512i m0 = _mm512_and_si512(_mm512_castps_si512(x0), magnitude);
  const __m512i m1 = _mm512_and_si512(_mm512_castps_si512(x1), magnitude);
  const int bits = _mm512_reduce_max_epi32(_mm512_max_epi32(m0, m1));
  float amax;
  std::memcpy(&amax, &bits, sizeof amax);
  const bool finite = bits < 0x7F800000;
  if (!finite || amax < kTinyActivation) {
    out = {};
    out.scale = out.offset = finite ? 0.0f : __builtin_nanf("");
    return;
  }
  const __m512 inverse = _mm512_set1_ps(127.0f / amax);
  const __m512i q0 = _mm512_cvtps_epi32(_mm512_mul_ps(x0, inverse));
  const __m512i q1 = _mm512_cvtps_epi32(_mm512_mul_ps(x1, inverse));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.values), _mm512_cvtsepi32_epi8(q0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.values + 16), _mm512_cvtsepi32_epi8(q1));
  const int s0 = _mm512_reduce_add_epi32(q0);
  const int s1 = _mm512_reduce_add_epi32(q1);
  out.scale = amax / 127.0f;
  out.offset = out.scale * static_cast<float>(s0 + s1);
  out.sum = -(s0 + s1);
  out.first_half = -s0;
}

void round_row(const float* x, int64_t cols, uint16_t* out) {
  int64_t k = 0;
  for (; k + 16 <= cols; k += 16) {
    const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x + k));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k), rounded);
  }
  const auto mask = static_cast<__mmask16>((1u << (cols - k)) - 1);
  const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + k));
  _mm256_mask_storeu_epi16(out + k, mask, rounded);
  if (cols % 2 != 0) out[cols] = 0;
}

void prepare(const float* x, int64_t ldx, int64_t row_begin, int64_t row_end, const Activations& out) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* from = x + row * ldx;
    if (out.kind == ActKind::kF32) {
      std::memcpy(static_cast<float*>(out.values) + row * out.stride, from, static_cast<size_t>(out.cols) * sizeof(float));
    } else if (out.kind == ActKind::kBF16) {
      round_row(from, out.cols, static_cast<uint16_t*>(out.values) + row * out.stride);
    } else {
      auto* to = reinterpret_cast<ActGroup*>(static_cast<std::byte*>(out.values) + row * out.stride);
      for (int64_t g = 0; g < out.cols / kGroup; ++g) quantize_group(from + g * kGroup, to[g]);
    }
  }
}

void matmul(const Activations& x, int64_t rows, const PackedMatrix& w, int64_t panel_begin, int64_t panel_end, const float* bias,
            float* out, int64_t ldo) {
  const TileSet& tiles = w.act == ActKind::kQ8 ? int8_tiles_avx512(w.dtype) : float_tiles_avx512(w.dtype);
  run_tiles(x, rows, w, panel_begin, panel_end, bias, out, ldo, tiles);
}

}  // namespace

constexpr MatmulKernels kMatmulAvx512 = {pack_panels, prepare, matmul};

}  // namespace ondol
