// The vector type of the AVX2 kernels: 8 floats. Only for *_avx2.cc, whose compile flags it needs.
//
// The same interface as simd_avx512.h; see there. No owner, any thread.
#pragma once

#include <cstdint>

#include "kernel/exp.h"
#include "kernel/intrinsics.h"

namespace ondol {

struct Avx2 {
  static constexpr int kLanes = 8;
  static constexpr int kRegisters = 16;
  using F = __m256;   // floats
  using D = __m256d;  // half as many doubles
  using I = __m256i;  // int32

  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static F load(const uint16_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static F load(const int8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))); }
  // The first n lanes from memory, the rest `fill`; 0 <= n <= kLanes.
  static F load_first(const float* p, int64_t n, float fill) {
    const I mask = first(n);
    return _mm256_blendv_ps(set1(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
  }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static void store(uint16_t* p, F x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, kNearest)); }
  static void store(int8_t* p, I x) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
  static void store_first(float* p, int64_t n, F x) { _mm256_maskstore_ps(p, first(n), x); }

  static F zero() { return _mm256_setzero_ps(); }
  static F set1(float x) { return _mm256_set1_ps(x); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }       // a * b + c
  static F neg_fma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a * b
  // If either is NaN, b.
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F min(F a, F b) { return _mm256_min_ps(a, b); }

  // Lane l is x where begin <= index + l < end, else -inf.
  static F keep_range(F x, int index, int begin, int end) {
    const I lane = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(index));
    const I below = _mm256_cmpgt_epi32(_mm256_set1_epi32(begin), lane);
    const I inside = _mm256_andnot_si256(below, _mm256_cmpgt_epi32(_mm256_set1_epi32(end), lane));
    return _mm256_blendv_ps(set1(-__builtin_inff()), x, _mm256_castsi256_ps(inside));
  }
  // Bit l is set where lane l of a and b are equal.
  static uint32_t equal_bits(F a, F b) { return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ))); }

  static F exp(F x) {
    const F normal = _mm256_cmp_ps(x, set1(kExpLowest), _CMP_NLT_UQ);
    x = min(set1(kExpHighest), x);
    const F n = _mm256_round_ps(mul(x, set1(kLog2E)), kNearest);
    const F r = neg_fma(n, set1(kLn2Low), neg_fma(n, set1(kLn2High), x));
    F p = fma(set1(kExpP4), r, set1(kExpP3));
    p = fma(p, r, set1(kExpP2));
    p = fma(p, r, set1(kExpP1));
    p = fma(p, r, set1(kExpP0));
    p = fma(p, r, set1(1));
    const I whole = _mm256_cvtps_epi32(n);
    const I half = _mm256_srai_epi32(whole, 1);
    const F e = mul(mul(fma(p, r, set1(1)), power(half)), power(_mm256_sub_epi32(whole, half)));
    return _mm256_and_ps(e, normal);
  }

  static float first_lane(F x) { return _mm256_cvtss_f32(x); }
  static float sum(F x) {
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
  }
  static float largest(F x) {
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
  }

  static D zero_double() { return _mm256_setzero_pd(); }
  static D add(D a, D b) { return _mm256_add_pd(a, b); }
  static D low_double(F x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
  static D high_double(F x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
  static double sum(D x) {
    const __m128d b = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(b, _mm_unpackhi_pd(b, b)));
  }

  static I zero_int() { return _mm256_setzero_si256(); }
  static I round_int(F x) { return _mm256_cvtps_epi32(x); }
  // max(a, bits of |x|): float magnitudes compare as integers, NaN above everything.
  static I max_magnitude(I a, F x) { return _mm256_max_epi32(a, _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff))); }
  static int32_t largest(I x) {
    __m128i b = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    b = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(b, _mm_shuffle_epi32(b, 0xb1)));
  }

 private:
  static constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  static I first(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static F power(I exponent) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(127)), 23)); }
};

}  // namespace ondol
