// Packs values into ggml's block formats for tests: plain rounding, no search for good scales. Test code only.
//
// Owner: the caller. Any thread. Each writer states where a value goes on its own, from the format's description and not from the reader.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "model/tensor.h"

namespace ondol {

// binary32 to binary16, for normal values and zero; values too small become zero, NaN and infinities stay.
inline uint16_t to_half(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const int exponent = static_cast<int>((bits >> 23) & 255u) - 112;
  const uint32_t fraction = (bits >> 13) & 0x3FFu;
  if (exponent <= 0) return static_cast<uint16_t>(sign);
  if (exponent >= 31) return static_cast<uint16_t>(sign | 0x7C00u | (std::isnan(value) ? 0x200u : 0u));
  return static_cast<uint16_t>(sign | (static_cast<uint32_t>(exponent) << 10) | fraction);
}

inline void put_half(uint8_t* at, float value) {
  const uint16_t half = to_half(value);
  std::memcpy(at, &half, 2);
}

// One block of quantised integers with its scales, as the format stores them.
struct BlockParts {
  float d = 1, d_min = 0;   // block scale; minimum of the _1 formats, scale of the minima of the _K formats
  std::vector<int> scales;  // per sub-block (_K formats)
  std::vector<int> minima;  // per sub-block (Q4_K, Q5_K)
  std::vector<int> values;  // unsigned, as stored (before any bias is taken off)
};

inline void pack_scales_6bit(const BlockParts& parts, uint8_t* out) {
  for (size_t j = 0; j < 4; ++j) {
    out[j] = static_cast<uint8_t>(parts.scales[j] | ((parts.scales[j + 4] >> 4) << 6));
    out[j + 4] = static_cast<uint8_t>(parts.minima[j] | ((parts.minima[j + 4] >> 4) << 6));
    out[j + 8] = static_cast<uint8_t>((parts.scales[j + 4] & 15) | ((parts.minima[j + 4] & 15) << 4));
  }
}

inline void or_bits(uint8_t& byte, int value, int shift) { byte = static_cast<uint8_t>(byte | (value << shift)); }

inline void pack_small_block(DType type, const BlockParts& parts, uint8_t* out) {
  put_half(out, parts.d);
  if (type == DType::kQ8_0) {
    for (size_t i = 0; i < 32; ++i) out[2 + i] = static_cast<uint8_t>(parts.values[i]);
    return;
  }
  const bool minimum = type == DType::kQ4_1 || type == DType::kQ5_1;
  const bool fifth = type == DType::kQ5_0 || type == DType::kQ5_1;
  if (minimum) put_half(out + 2, parts.d_min);
  uint8_t* high = out + (minimum ? 4 : 2);
  uint8_t* nibbles = high + (fifth ? 4 : 0);
  for (size_t i = 0; i < 32; ++i) {
    or_bits(nibbles[i % 16], parts.values[i] & 15, i < 16 ? 0 : 4);
    if (fifth) or_bits(high[i / 8], parts.values[i] >> 4, static_cast<int>(i % 8));
  }
}

inline void pack_k_block(DType type, const BlockParts& parts, uint8_t* out) {
  if (type == DType::kQ6_K) {
    put_half(out + 208, parts.d);
    for (size_t s = 0; s < 16; ++s) out[192 + s] = static_cast<uint8_t>(parts.scales[s]);
    for (size_t i = 0; i < 256; ++i) {
      const size_t half = i / 128, within = i % 128;
      or_bits(out[half * 64 + within % 64], parts.values[i] & 15, within < 64 ? 0 : 4);
      or_bits(out[128 + half * 32 + within % 32], parts.values[i] >> 4, static_cast<int>(2 * (within / 32)));
    }
    return;
  }
  put_half(out, parts.d);
  put_half(out + 2, parts.d_min);
  pack_scales_6bit(parts, out + 4);
  const bool fifth = type == DType::kQ5_K;
  for (size_t i = 0; i < 256; ++i) {
    const size_t sub = i / 32;
    or_bits(out[(fifth ? 48 : 16) + (sub / 2) * 32 + i % 32], parts.values[i] & 15, sub % 2 == 0 ? 0 : 4);
    if (fifth) or_bits(out[16 + i % 32], parts.values[i] >> 4, static_cast<int>(sub));
  }
}

// One block's bytes.
inline std::vector<uint8_t> pack_block(DType type, const BlockParts& parts) {
  std::vector<uint8_t> out(static_cast<size_t>(traits(type).block_bytes), 0);
  if (traits(type).block_elements == 32) {
    pack_small_block(type, parts, out.data());
  } else {
    pack_k_block(type, parts, out.data());
  }
  return out;
}

// Quantises one block of floats: nearest integer with one scale for the whole block (sub-block scales are a constant 32).
inline std::vector<uint8_t> quantize_block(DType type, const float* values) {
  const auto n = static_cast<size_t>(traits(type).block_elements);
  const bool minimum = type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ4_K || type == DType::kQ5_K;
  const bool four = type == DType::kQ4_0 || type == DType::kQ4_1 || type == DType::kQ4_K;
  const int levels = type == DType::kQ8_0 ? 256 : type == DType::kQ6_K ? 64 : four ? 16 : 32;
  float low = values[0], high = values[0];
  for (size_t i = 1; i < n; ++i) low = std::min(low, values[i]), high = std::max(high, values[i]);
  const float reach = std::max(std::fabs(low), std::fabs(high));
  const float step = minimum ? (high - low) / static_cast<float>(levels - 1) : reach / static_cast<float>(levels / 2 - 1);
  BlockParts parts;
  const bool k = n == 256;
  parts.scales.assign(k ? 16 : 0, 32);
  parts.minima.assign(k ? 8 : 0, 32);
  parts.d = k ? step / 32 : step;
  parts.d_min = k ? -low / 32 : low;
  const int bias = minimum ? 0 : levels / 2;
  for (size_t i = 0; i < n; ++i) {
    const float shifted = minimum ? values[i] - low : values[i];
    const int q = step > 0 ? static_cast<int>(std::lround(shifted / step)) : 0;
    const int stored = std::min(std::max(q + bias, 0), levels - 1);
    parts.values.push_back(type == DType::kQ8_0 ? stored - bias : stored);
  }
  return pack_block(type, parts);
}

}  // namespace ondol
