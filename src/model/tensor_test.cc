#include "model/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "model/quantize_test_util.h"

namespace ondol {
namespace {

constexpr DType kBlockTypes[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                                 DType::kQ8_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

std::vector<float> dequantize(DType type, const std::vector<uint8_t>& bytes, int64_t cols) {
  std::vector<float> out(static_cast<size_t>(cols));
  dequantize_row(type, std::as_bytes(std::span(bytes)), cols, out.data());
  return out;
}

// The value that the format's description gives to element i of the block.
float described(DType type, const BlockParts& p, size_t i) {
  const auto q = static_cast<float>(p.values[i]);
  const auto sub = [](const std::vector<int>& list, size_t at) { return static_cast<float>(list[at]); };
  switch (type) {
    case DType::kQ4_0: return (q - 8) * p.d;
    case DType::kQ5_0: return (q - 16) * p.d;
    case DType::kQ4_1:
    case DType::kQ5_1: return q * p.d + p.d_min;
    case DType::kQ8_0: return q * p.d;
    case DType::kQ6_K: return p.d * sub(p.scales, i / 16) * (q - 32);
    default: return q * (p.d * sub(p.scales, i / 32)) - p.d_min * sub(p.minima, i / 32);
  }
}

TEST(Tensor, TraitsAndRowBytes) {
  EXPECT_EQ(traits(DType::kQ4_K).name, "Q4_K");
  EXPECT_EQ(row_bytes(DType::kF32, 5), 20u);
  EXPECT_EQ(row_bytes(DType::kBF16, 5), 10u);
  EXPECT_EQ(row_bytes(DType::kQ4_0, 64), 36u);
  EXPECT_EQ(row_bytes(DType::kQ6_K, 512), 420u);
}

TEST(Tensor, EveryBlockFormatMatchesItsDescription) {
  std::mt19937 random(7);
  for (const DType type : kBlockTypes) {
    const auto n = static_cast<size_t>(traits(type).block_elements);
    const int levels = type == DType::kQ6_K ? 64 : (type == DType::kQ4_0 || type == DType::kQ4_1 || type == DType::kQ4_K) ? 16 : 32;
    for (int round = 0; round < 4; ++round) {
      BlockParts parts{.d = 0.25f, .d_min = -1.5f, .scales = {}, .minima = {}, .values = {}};
      for (size_t i = 0; i < n; ++i) {
        parts.values.push_back(type == DType::kQ8_0 ? static_cast<int>(random() % 256) - 128
                                                    : static_cast<int>(random() % static_cast<unsigned>(levels)));
      }
      const int scale_range = type == DType::kQ6_K ? 256 : 64;
      for (int s = 0; s < 16; ++s) {
        parts.scales.push_back(static_cast<int>(random() % static_cast<unsigned>(scale_range)) - (type == DType::kQ6_K ? 128 : 0));
      }
      for (int s = 0; s < 8; ++s) parts.minima.push_back(static_cast<int>(random() % 64));
      const std::vector<float> got = dequantize(type, pack_block(type, parts), static_cast<int64_t>(n));
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(got[i], described(type, parts, i)) << traits(type).name << " element " << i;
    }
  }
}

TEST(Tensor, RoundTripStaysWithinAStep) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  for (const DType type : kBlockTypes) {
    std::vector<float> values(512);
    for (float& v : values) v = normal(random);
    std::vector<uint8_t> bytes;
    for (size_t at = 0; at < values.size(); at += static_cast<size_t>(traits(type).block_elements)) {
      const std::vector<uint8_t> block = quantize_block(type, values.data() + at);
      bytes.insert(bytes.end(), block.begin(), block.end());
    }
    ASSERT_EQ(bytes.size(), row_bytes(type, 512));
    const std::vector<float> got = dequantize(type, bytes, 512);
    float worst = 0;
    for (size_t i = 0; i < values.size(); ++i) worst = std::max(worst, std::fabs(got[i] - values[i]));
    EXPECT_LT(worst, type == DType::kQ8_0 ? 0.03f : type == DType::kQ6_K ? 0.1f : 0.6f) << traits(type).name;
  }
}

TEST(Tensor, HalfAndBrainFloats) {
  // 1, -2, smallest subnormal, largest subnormal, largest normal, infinity.
  const std::vector<uint16_t> halves = {0x3C00, 0xC000, 0x0001, 0x03FF, 0x7BFF, 0x7C00, 0x8001, 0x7E00};
  std::vector<float> out(halves.size());
  dequantize_row(DType::kF16, std::as_bytes(std::span(halves)), 8, out.data());
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], -2.0f);
  EXPECT_EQ(out[2], 0x1p-24f);
  EXPECT_EQ(out[3], 1023 * 0x1p-24f);
  EXPECT_EQ(out[4], 65504.0f);
  EXPECT_EQ(out[5], std::numeric_limits<float>::infinity());
  EXPECT_EQ(out[6], -0x1p-24f);
  EXPECT_TRUE(std::isnan(out[7]));
  const std::vector<uint16_t> brains = {0x3F80, 0xC040};
  dequantize_row(DType::kBF16, std::as_bytes(std::span(brains)), 2, out.data());
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], -3.0f);
}

TEST(Tensor, ScalesThatAreNotNumbersPassThrough) {
  for (const DType type : kBlockTypes) {
    // All bits set: the scales are NaN, whatever their place in the block.
    const std::vector<uint8_t> bytes(static_cast<size_t>(traits(type).block_bytes), 0xFF);
    const std::vector<float> got = dequantize(type, bytes, traits(type).block_elements);
    EXPECT_TRUE(std::all_of(got.begin(), got.end(), [](float v) { return std::isnan(v); })) << traits(type).name;
  }
}

TEST(Tensor, RowsAndSlicesAndOddAddresses) {
  std::vector<uint8_t> bytes(1 + 2 * 3 * 2 * sizeof(float));
  for (int i = 0; i < 12; ++i) {
    const auto value = static_cast<float>(i);
    std::memcpy(bytes.data() + 1 + static_cast<size_t>(i) * sizeof value, &value, sizeof value);
  }
  const Tensor tensor{DType::kF32, 2, 3, 2, std::as_bytes(std::span(bytes)).subspan(1)};
  EXPECT_EQ(tensor.elements(), 12);
  float out[2];
  dequantize_row(DType::kF32, tensor.slice(1).row(2), 2, out);
  EXPECT_EQ(out[0], 10.0f);
  EXPECT_EQ(out[1], 11.0f);
}

}  // namespace
}  // namespace ondol
