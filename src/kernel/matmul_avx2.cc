// Preparing activations, and the table of the AVX2 kernels.
#include "kernel/matmul_avx2.h"

namespace ondol {
namespace {

int reduce_add(__m256i v) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

int reduce_max(__m256i v) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 1)));
}

// Quantises the 32 values at x: scale = amax / 127, rounding to nearest even.
void quantize_group(const float* x, ActGroup& out) {
  // Magnitudes compare as integers, infinities and NaN above all finite ones.
  const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
  __m256 v[4];
  __m256i largest = _mm256_setzero_si256();
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_loadu_ps(x + i * 8);
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
  }
  const int bits = reduce_max(largest);
  float amax;
  std::memcpy(&amax, &bits, sizeof amax);
  const bool finite = bits < 0x7F800000;
  if (!finite || amax < kTinyActivation) {
    out = {};
    out.scale = out.offset = finite ? 0.0f : __builtin_nanf("");
    return;
  }
  const __m256 inverse = _mm256_set1_ps(127.0f / amax);
  __m256i q[4];
  for (int i = 0; i < 4; ++i) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
  // The packs work on 128-bit halves, which leaves words of 4 bytes in the order 0 2 4 6 1 3 5 7.
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  const __m256i in_order = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.values), in_order);
  const int s0 = reduce_add(_mm256_add_epi32(q[0], q[1]));
  const int s1 = reduce_add(_mm256_add_epi32(q[2], q[3]));
  out.scale = amax / 127.0f;
  out.offset = out.scale * static_cast<float>(s0 + s1);
  out.sum = -(s0 + s1);
  out.first_half = -s0;
}

// To bfloat16, to nearest even; a NaN stays one, quiet.
uint16_t round_one(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (value != value) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

void prepare(const float* x, int64_t ldx, int64_t row_begin, int64_t row_end, const Activations& out) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* from = x + row * ldx;
    if (out.kind == ActKind::kF32) {
      std::memcpy(static_cast<float*>(out.values) + row * out.stride, from, static_cast<size_t>(out.cols) * sizeof(float));
    } else if (out.kind == ActKind::kBF16) {
      uint16_t* to = static_cast<uint16_t*>(out.values) + row * out.stride;
      for (int64_t k = 0; k < out.cols; ++k) to[k] = round_one(from[k]);
      if (out.cols % 2 != 0) to[out.cols] = 0;
    } else {
      auto* to = reinterpret_cast<ActGroup*>(static_cast<std::byte*>(out.values) + row * out.stride);
      for (int64_t g = 0; g < out.cols / kGroup; ++g) quantize_group(from + g * kGroup, to[g]);
    }
  }
}

void matmul(const Activations& x, int64_t rows, const PackedMatrix& w, int64_t panel_begin, int64_t panel_end, const float* bias,
            float* out, int64_t ldo) {
  const TileSet& tiles = w.act == ActKind::kQ8 ? int8_tiles_avx2(w.dtype) : float_tiles_avx2(w.dtype);
  run_tiles(x, rows, w, panel_begin, panel_end, bias, out, ldo, tiles);
}

}  // namespace

constexpr MatmulKernels kMatmulAvx2 = {pack_panels, prepare, matmul};

}  // namespace ondol
