// Conversion between float and IEEE 754 binary16 ("f16") without special instructions, for the scalar kernels and for tests.
// No owner, any thread.
#pragma once

#include <bit>
#include <cstdint>

namespace ondol {

inline constexpr float kHalfMax = 65504;

inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t magnitude = half & 0x7fffU;
  // Seen as a float, the shifted bits are the value times 2^-112, subnormals included.
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112F);
  // Infinity and NaN need the largest exponent, NaN also the quiet bit as the instruction sets it; masks keep loops free of branches.
  const uint32_t special = (0U - static_cast<uint32_t>(magnitude > 0x7bffU)) & 0x7f800000U;
  const uint32_t quiet = (0U - static_cast<uint32_t>(magnitude > 0x7c00U)) & 0x400000U;
  return std::bit_cast<float>(sign | finite | special | quiet);
}

// Rounds to nearest, ties to even; too large becomes infinity.
inline uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000U;
  const uint32_t magnitude = bits & 0x7fffffffU;
  uint32_t half = 0;
  if (magnitude > 0x7f800000U) {
    half = 0x7e00U | (magnitude >> 13 & 0x3ffU);
  } else if (magnitude >= 0x477ff000U) {  // 65520 and above round past the largest finite value
    half = 0x7c00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: adding 0.5 leaves multiples of 2^-24 in the low bits, rounded by the addition
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
  } else {
    half = (magnitude - 0x38000000U + 0xfffU + (magnitude >> 13 & 1U)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

}  // namespace ondol
