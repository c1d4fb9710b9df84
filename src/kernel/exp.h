// The exponential function of the kernels, one algorithm for every instruction set: about 1 ulp.
//
// exp(x) = 2^n * e^r with n = round(x / ln 2) and r = x - n * ln 2, |r| <= ln(2) / 2, where e^r = 1 + r + r^2 * P(r) and P is the
// minimax polynomial of degree 4 of the relative error (3.1e-9), found with the Remez exchange in 50 digits. ln 2 is taken in two parts
// so that n * kLn2High is exact. Results below the smallest normal float are 0; above the largest +inf; NaN stays NaN; exp(0) is 1.
//
// No owner, any thread. exp_scalar is for translation units without vector flags; vector code uses the constants (see simd_*.h).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace ondol {

inline constexpr float kExpLowest = -87.33654F;  // ln of the smallest normal float: below, 0
inline constexpr float kExpHighest = 100.0F;     // clamps n; everything above 88.73 is infinite anyway
inline constexpr float kLog2E = 1.44269504F;
inline constexpr float kLn2High = 0.693359375F;
inline constexpr float kLn2Low = -2.12194440e-4F;
inline constexpr float kExpP0 = 0x1.fffffcp-2F;
inline constexpr float kExpP1 = 0x1.555492p-3F;
inline constexpr float kExpP2 = 0x1.5558f2p-5F;
inline constexpr float kExpP3 = 0x1.1239d4p-7F;
inline constexpr float kExpP4 = 0x1.6a244cp-10F;

inline float exp_scalar(float x) {
  if (std::isnan(x)) return x;
  if (x < kExpLowest) return 0;
  x = x < kExpHighest ? x : kExpHighest;
  // Adding and taking away 1.5 * 2^23 rounds to a whole number, ties to even.
  const float n = (x * kLog2E + 0x1.8p23F) - 0x1.8p23F;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  const float p = (((kExpP4 * r + kExpP3) * r + kExpP2) * r + kExpP1) * r + kExpP0;
  const float e = (p * r + 1) * r + 1;
  // 2^n in two factors: n reaches 144, one float exponent only 127.
  const auto whole = static_cast<int32_t>(n);
  const int32_t half = whole >> 1;
  const auto power = [](int32_t exponent) { return std::bit_cast<float>((exponent + 127) << 23); };
  return e * power(half) * power(whole - half);
}

}  // namespace ondol
