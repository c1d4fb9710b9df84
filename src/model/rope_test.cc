#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ondol {
namespace {

TEST(Rope, PlainFrequencies) {
  const auto rope = make_rope(8, 10'000, {});
  ASSERT_TRUE(rope);
  EXPECT_EQ(rope->inv_freq.size(), 4u);
  for (size_t j = 0; j < 4; ++j) EXPECT_FLOAT_EQ(rope->inv_freq[j], static_cast<float>(std::pow(10'000.0, -static_cast<double>(j) / 4)));
  EXPECT_EQ(rope->attention_factor, 1.0f);
}

TEST(Rope, LinearDividesAll) {
  const auto rope = make_rope(4, 100, {.rule = RopeScaling::Rule::kLinear, .factor = 8, .divisors = {}});
  ASSERT_TRUE(rope);
  EXPECT_FLOAT_EQ(rope->inv_freq[0], 0.125f);
  EXPECT_FLOAT_EQ(rope->inv_freq[1], 0.0125f);
}

// theta 500, factor 16, low 1, high 4, original context 32, head 16: the first pair is kept, the
// second and third are blended, the rest stretched.
TEST(Rope, Llama3KeepsBlendsAndStretches) {
  const RopeScaling scaling{.rule = RopeScaling::Rule::kLlama3,
                            .factor = 16,
                            .low_freq_factor = 1,
                            .high_freq_factor = 4,
                            .original_context = 32,
                            .divisors = {}};
  const auto rope = make_rope(16, 500, scaling);
  ASSERT_TRUE(rope);
  const double pi = 3.14159265358979323846;
  for (size_t j = 0; j < 8; ++j) {
    const double plain = std::pow(500.0, -static_cast<double>(j) / 8);
    const double wavelength = 2 * pi / plain;
    double expected = plain / 16;
    if (wavelength < 8) expected = plain;
    if (wavelength >= 8 && wavelength <= 32) {
      const double s = (32 / wavelength - 1) / 3;
      expected = (1 - s) * plain / 16 + s * plain;
    }
    EXPECT_FLOAT_EQ(rope->inv_freq[j], static_cast<float>(expected)) << j;
  }
  EXPECT_FLOAT_EQ(rope->inv_freq[0], 1.0f) << "wavelength 6.3 is short: kept";
  EXPECT_FLOAT_EQ(rope->inv_freq[7], static_cast<float>(std::pow(500.0, -7.0 / 8) / 16)) << "long: stretched";
}

TEST(Rope, DivisorsDivide) {
  const auto rope = make_rope(4, 100, {.divisors = {2, 4}});
  ASSERT_TRUE(rope);
  EXPECT_FLOAT_EQ(rope->inv_freq[0], 0.5f);
  EXPECT_FLOAT_EQ(rope->inv_freq[1], 0.025f);
}

TEST(Rope, RefusesWhatGivesNoFrequency) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(make_rope(4, 100, {.divisors = {1}}));
  EXPECT_FALSE(make_rope(4, 100, {.divisors = {1, 0}}));
  EXPECT_FALSE(make_rope(4, 100, {.divisors = {1, -1}}));
  EXPECT_FALSE(make_rope(4, 100, {.divisors = {1, nan}}));
  EXPECT_FALSE(make_rope(4, static_cast<double>(nan), {}));
  EXPECT_FALSE(make_rope(4, 100, {.rule = RopeScaling::Rule::kLinear, .factor = 0, .divisors = {}}));
  EXPECT_FALSE(make_rope(4, 100, {.rule = RopeScaling::Rule::kLlama3, .low_freq_factor = 4, .high_freq_factor = 4, .divisors = {}}));
}

}  // namespace
}  // namespace ondol
