// The vector type of the AVX-512 kernels: 16 floats. Only for *_avx512.cc, whose compile flags it needs.
//
// The kernel templates (attention_tiles.h, vector_ops_rows.h) are written against this interface and that of simd_avx2.h. Every
// function is one rounding per lane, so a result never depends on how lanes are grouped into calls. No owner, any thread.
#pragma once

#include <cstdint>

#include "kernel/exp.h"
#include "kernel/intrinsics.h"

namespace ondol {

struct Avx512 {
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  using F = __m512;   // floats
  using D = __m512d;  // half as many doubles
  using I = __m512i;  // int32

  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static F load(const uint16_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static F load(const int8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))); }
  // The first n lanes from memory, the rest `fill`; 0 <= n <= kLanes.
  static F load_first(const float* p, int64_t n, float fill) { return _mm512_mask_loadu_ps(set1(fill), first(n), p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static void store(uint16_t* p, F x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, kNearest)); }
  static void store(int8_t* p, I x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(x)); }
  static void store_first(float* p, int64_t n, F x) { _mm512_mask_storeu_ps(p, first(n), x); }

  static F zero() { return _mm512_setzero_ps(); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }       // a * b + c
  static F neg_fma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
  // If either is NaN, b.
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }

  // Lane l is x where begin <= index + l < end, else -inf.
  static F keep_range(F x, int index, int begin, int end) {
    const I lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const auto low = _mm512_cmpge_epi32_mask(lane, _mm512_set1_epi32(begin - index));
    const auto keep = _mm512_mask_cmplt_epi32_mask(low, lane, _mm512_set1_epi32(end - index));
    return _mm512_mask_blend_ps(keep, set1(-__builtin_inff()), x);
  }
  // Bit l is set where lane l of a and b are equal.
  static uint32_t equal_bits(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }

  static F exp(F x) {
    const auto normal = _mm512_cmp_ps_mask(x, set1(kExpLowest), _CMP_NLT_UQ);
    x = min(set1(kExpHighest), x);
    const F n = _mm512_roundscale_ps(mul(x, set1(kLog2E)), kNearest);
    const F r = neg_fma(n, set1(kLn2Low), neg_fma(n, set1(kLn2High), x));
    F p = fma(set1(kExpP4), r, set1(kExpP3));
    p = fma(p, r, set1(kExpP2));
    p = fma(p, r, set1(kExpP1));
    p = fma(p, r, set1(kExpP0));
    p = fma(p, r, set1(1));
    return _mm512_maskz_scalef_ps(normal, fma(p, r, set1(1)), n);
  }

  static float first_lane(F x) { return _mm512_cvtss_f32(x); }
  static float sum(F x) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
  }
  static float largest(F x) {
    const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
  }

  static D zero_double() { return _mm512_setzero_pd(); }
  static D add(D a, D b) { return _mm512_add_pd(a, b); }
  static D low_double(F x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
  static D high_double(F x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }
  static double sum(D x) {
    const __m256d a = _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1));
    const __m128d b = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(b, _mm_unpackhi_pd(b, b)));
  }

  static I zero_int() { return _mm512_setzero_si512(); }
  static I round_int(F x) { return _mm512_cvtps_epi32(x); }
  // max(a, bits of |x|): float magnitudes compare as integers, NaN above everything.
  static I max_magnitude(I a, F x) { return _mm512_max_epi32(a, _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff))); }
  static int32_t largest(I x) {
    __m256i a = _mm256_max_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    b = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(b, _mm_shuffle_epi32(b, 0xb1)));
  }

 private:
  static constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  static __mmask16 first(int64_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
};

}  // namespace ondol
