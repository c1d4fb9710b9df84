#include "model/tensor.h"

#include <bit>
#include <cstring>

namespace ondol {
namespace {

constexpr std::array<DTypeTraits, kDTypeCount> kTraits = {{
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"Q4_0", 32, 18},
    {"Q4_1", 32, 20},
    {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},
    {"Q8_0", 32, 34},
    {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},
    {"Q6_K", 256, 210},
}};

// Rows may start at any address (a safetensors header has any length), so every value wider than a byte is copied out.
template <class T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// IEEE 754 binary16 to binary32; subnormals by a multiplication that is exact.
float half_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 31u;
  const uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t rebased = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (rebased << 23) | (fraction << 13));
}

float half_at(const uint8_t* from) { return half_to_float(load<uint16_t>(from)); }
float brain_at(const uint8_t* from) { return std::bit_cast<float>(uint32_t{load<uint16_t>(from)} << 16); }

// 32-element blocks: value j sits in the low nibble of byte j, value j + 16 in the high nibble.
template <bool kFifthBit, bool kMinimum>
void dequantize_nibbles(const uint8_t* block, float* out) {
  const float scale = half_at(block);
  const float offset = kMinimum ? half_at(block + 2) : 0.0f;
  constexpr int kBias = kMinimum ? 0 : (kFifthBit ? 16 : 8);
  const uint8_t* at = block + (kMinimum ? 4 : 2);
  const uint32_t high = kFifthBit ? load<uint32_t>(at) : 0;
  if (kFifthBit) at += 4;
  for (int j = 0; j < 16; ++j) {
    const int low = (at[j] & 15) | static_cast<int>(((high >> j) & 1u) << 4);
    const int top = (at[j] >> 4) | static_cast<int>(((high >> (j + 16)) & 1u) << 4);
    out[j] = static_cast<float>(low - kBias) * scale + offset;
    out[j + 16] = static_cast<float>(top - kBias) * scale + offset;
  }
}

void dequantize_q8_0(const uint8_t* block, float* out) {
  const float scale = half_at(block);
  for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(static_cast<int8_t>(block[2 + j])) * scale;
}

// Six-bit scale and minimum of sub-block `j` of 8, packed in 12 bytes: the first four whole, the others split over two places.
struct ScaleMin {
  int scale, minimum;
};
ScaleMin unpack_scale(const uint8_t* packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4), (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4)};
}

// Q4_K and Q5_K: 8 sub-blocks of 32; sub-blocks 2i and 2i + 1 share 32 bytes as low and high nibbles, bit s of qh[l] is the fifth bit.
template <bool kFifthBit>
void dequantize_k(const uint8_t* block, float* out) {
  const float d = half_at(block);
  const float d_min = half_at(block + 2);
  const uint8_t* scales = block + 4;
  const uint8_t* high = block + 16;
  const uint8_t* nibbles = block + (kFifthBit ? 48 : 16);
  for (int s = 0; s < 8; ++s) {
    const ScaleMin packed = unpack_scale(scales, s);
    const float scale = d * static_cast<float>(packed.scale);
    const float minimum = d_min * static_cast<float>(packed.minimum);
    const uint8_t* bytes = nibbles + (s / 2) * 32;
    for (int l = 0; l < 32; ++l) {
      int q = (s % 2 == 0) ? bytes[l] & 15 : bytes[l] >> 4;
      if (kFifthBit) q |= ((high[l] >> s) & 1) << 4;
      out[s * 32 + l] = static_cast<float>(q) * scale - minimum;
    }
  }
}

// Q6_K: two halves of 128; in each, quarter q of 32 values has its low 4 bits in ql (two quarters per byte) and its top 2 bits in qh.
void dequantize_q6_k(const uint8_t* block, float* out) {
  const float d = half_at(block + 208);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* low = block + half * 64;
    const uint8_t* high = block + 128 + half * 32;
    const uint8_t* scales = block + 192 + half * 8;
    for (int quarter = 0; quarter < 4; ++quarter) {
      for (int l = 0; l < 32; ++l) {
        const uint8_t byte = low[(quarter % 2) * 32 + l];
        const int nibble = quarter < 2 ? byte & 15 : byte >> 4;
        const int q = (nibble | (((high[l] >> (2 * quarter)) & 3) << 4)) - 32;
        const auto scale = static_cast<int8_t>(scales[quarter * 2 + l / 16]);
        out[half * 128 + quarter * 32 + l] = d * static_cast<float>(scale) * static_cast<float>(q);
      }
    }
  }
}

using BlockFunction = void (*)(const uint8_t*, float*);

BlockFunction block_function(DType type) {
  switch (type) {
    case DType::kF32: return [](const uint8_t* from, float* out) { *out = load<float>(from); };
    case DType::kF16: return [](const uint8_t* from, float* out) { *out = half_at(from); };
    case DType::kBF16: return [](const uint8_t* from, float* out) { *out = brain_at(from); };
    case DType::kQ4_0: return dequantize_nibbles<false, false>;
    case DType::kQ4_1: return dequantize_nibbles<false, true>;
    case DType::kQ5_0: return dequantize_nibbles<true, false>;
    case DType::kQ5_1: return dequantize_nibbles<true, true>;
    case DType::kQ8_0: return dequantize_q8_0;
    case DType::kQ4_K: return dequantize_k<false>;
    case DType::kQ5_K: return dequantize_k<true>;
    case DType::kQ6_K: return dequantize_q6_k;
  }
  return nullptr;
}

}  // namespace

const DTypeTraits& traits(DType type) { return kTraits[static_cast<size_t>(type)]; }

size_t row_bytes(DType type, int64_t cols) {
  const DTypeTraits& t = traits(type);
  return static_cast<size_t>(cols / t.block_elements) * static_cast<size_t>(t.block_bytes);
}

void dequantize_row(DType type, std::span<const std::byte> row, int64_t cols, float* out) {
  const auto* from = reinterpret_cast<const uint8_t*>(row.data());
  if (type == DType::kF32) {
    std::memcpy(out, from, static_cast<size_t>(cols) * sizeof(float));
    return;
  }
  const DTypeTraits& t = traits(type);
  const BlockFunction dequantize = block_function(type);
  for (int64_t at = 0; at < cols; at += t.block_elements, from += t.block_bytes) dequantize(from, out + at);
}

}  // namespace ondol
