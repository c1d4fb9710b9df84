#include "kernel/vector_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel/exp.h"

namespace ondol {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kLengths[] = {1, 2, 7, 8, 15, 16, 17, 33, 64, 100, 576, 1001};

std::vector<float> random_floats(int64_t n, uint32_t seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) x = normal(random) * scale;
  return out;
}

// Relative to 1 or the value, whichever is larger.
void expect_close(const std::vector<float>& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(got[i]), expected[i], tolerance * std::max(1.0, std::fabs(expected[i]))) << "at " << i;
  }
}

template <class F>
std::vector<double> map(const std::vector<float>& a, const std::vector<float>& b, const F& f) {
  std::vector<double> out;
  for (size_t i = 0; i < a.size(); ++i) out.push_back(f(static_cast<double>(a[i]), static_cast<double>(b[i])));
  return out;
}

class VectorOps : public testing::TestWithParam<Isa> {
 protected:
  const VectorKernels& kernels_ = vector_kernels(GetParam());
};

TEST_P(VectorOps, RmsNorm) {
  for (const int64_t n : kLengths) {
    auto x = random_floats(n, 1, 3);
    const auto weight = random_floats(n, 2);
    double sum = 0;
    for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
    const double inverse = 1 / std::sqrt(sum / static_cast<double>(n) + 1e-5);
    const auto expected = map(x, weight, [&](double v, double w) { return v * inverse * w; });
    std::vector<float> out(x.size());
    kernels_.rms_norm(x.data(), weight.data(), 1e-5F, n, out.data());
    expect_close(out, expected, 2e-6);
    kernels_.rms_norm(x.data(), weight.data(), 1e-5F, n, x.data());
    EXPECT_EQ(x, out);
  }
}

TEST_P(VectorOps, LayerNorm) {
  for (const int64_t n : kLengths) {
    auto x = random_floats(n, 1, 3);
    for (float& v : x) v += 5;
    const auto weight = random_floats(n, 2);
    const auto bias = random_floats(n, 3);
    double mean = 0, variance = 0;
    for (const float v : x) mean += static_cast<double>(v) / static_cast<double>(n);
    for (const float v : x) variance += std::pow(static_cast<double>(v) - mean, 2) / static_cast<double>(n);
    auto expected = map(x, weight, [&](double v, double w) { return (v - mean) / std::sqrt(variance + 1e-5) * w; });
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += static_cast<double>(bias[i]);
    std::vector<float> out(x.size());
    kernels_.layer_norm(x.data(), weight.data(), bias.data(), 1e-5F, n, out.data());
    // A row of one: x - mean is a rounding error, and its own size is what it is divided by.
    if (n > 1) expect_close(out, expected, 5e-6);
    kernels_.layer_norm(x.data(), weight.data(), bias.data(), 1e-5F, n, x.data());
    EXPECT_EQ(x, out);
  }
}

TEST_P(VectorOps, GeluWithTheErrorFunction) {
  for (const float scale : {0.01F, 1.0F, 4.0F, 50.0F}) {
    auto x = random_floats(1001, 9, scale);
    x[0] = 0;
    const auto gelu = [](double v, double) { return v / 2 * std::erfc(-v / std::sqrt(2.0)); };
    std::vector<float> out(x.size());
    kernels_.gelu_erf(x.data(), 1001, out.data());
    expect_close(out, map(x, x, gelu), 1e-6);
    EXPECT_EQ(out[0], 0.0F);
    kernels_.gelu_erf(x.data(), 1001, x.data());
    EXPECT_EQ(x, out);
  }
  std::vector<float> bad(19, kNan);
  kernels_.gelu_erf(bad.data(), 19, bad.data());
  EXPECT_TRUE(std::ranges::all_of(bad, [](float v) { return std::isnan(v); }));
}

TEST_P(VectorOps, SumsAndScales) {
  for (const int64_t n : kLengths) {
    const auto x = random_floats(n, 3);
    const auto y = random_floats(n, 4);
    auto got = x;
    kernels_.add(got.data(), y.data(), n);
    expect_close(got, map(x, y, [](double a, double b) { return a + b; }), 1e-7);
    got = x;
    kernels_.add_scaled(got.data(), y.data(), 0.3F, n);
    expect_close(got, map(x, y, [](double a, double b) { return a + static_cast<double>(0.3F) * b; }), 2e-7);
    got = x;
    kernels_.scale(got.data(), -0.7F, n);
    expect_close(got, map(x, y, [](double a, double) { return a * static_cast<double>(-0.7F); }), 1e-7);
  }
}

TEST_P(VectorOps, RopeTurnsPairs) {
  for (const int64_t half : kLengths) {
    const auto x = random_floats(2 * half, 5);
    std::vector<float> cos, sin;
    std::vector<double> expected(x.size());
    for (int64_t j = 0; j < half; ++j) {
      cos.push_back(std::cos(static_cast<float>(j)));
      sin.push_back(std::sin(static_cast<float>(j)));
      const auto at = static_cast<size_t>(j);
      const auto other = static_cast<size_t>(j + half);
      const double a = static_cast<double>(x[at]), b = static_cast<double>(x[other]);
      const double c = static_cast<double>(cos.back()), s = static_cast<double>(sin.back());
      expected[at] = a * c - b * s;
      expected[other] = b * c + a * s;
    }
    auto got = x;
    kernels_.rope(got.data(), cos.data(), sin.data(), half);
    expect_close(got, expected, 3e-7);
  }
}

TEST_P(VectorOps, SiluAndGelu) {
  for (const int64_t n : kLengths) {
    auto gate = random_floats(n, 6, 8);
    const auto up = random_floats(n, 7);
    gate[0] = -200;
    const auto silu = [](double g, double u) { return g / (1 + std::exp(-g)) * u; };
    std::vector<float> out(gate.size());
    kernels_.silu_mul(gate.data(), up.data(), 0, n, out.data());
    expect_close(out, map(gate, up, silu), 1e-6);
    kernels_.silu_mul(gate.data(), up.data(), 0.5F, n, out.data());
    const auto limited = [&](double g, double u) { return silu(std::min(g, 0.5), std::clamp(u, -0.5, 0.5)); };
    expect_close(out, map(gate, up, limited), 1e-6);
    const auto gelu = [](double g, double u) {
      return 0.5 * g * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (g + 0.044715 * g * g * g))) * u;
    };
    kernels_.gelu_mul(gate.data(), up.data(), n, out.data());
    expect_close(out, map(gate, up, gelu), 2e-6);
    auto in_place = gate;
    kernels_.gelu_mul(in_place.data(), up.data(), n, in_place.data());
    EXPECT_EQ(in_place, out);
    in_place = up;
    kernels_.gelu_mul(gate.data(), in_place.data(), n, in_place.data());
    EXPECT_EQ(in_place, out);
  }
}

TEST_P(VectorOps, ActivationsLetNanThrough) {
  const std::vector<float> bad(19, kNan);
  const std::vector<float> good(19, 2.0F);
  for (const float limit : {0.0F, 1.0F}) {
    std::vector<float> out(19);
    kernels_.silu_mul(bad.data(), good.data(), limit, 19, out.data());
    EXPECT_TRUE(std::ranges::all_of(out, [](float x) { return std::isnan(x); }));
    kernels_.silu_mul(good.data(), bad.data(), limit, 19, out.data());
    EXPECT_TRUE(std::ranges::all_of(out, [](float x) { return std::isnan(x); }));
  }
}

int64_t naive_argmax(const std::vector<float>& x) {
  int64_t best = -1;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isnan(x[i]) && (best < 0 || x[i] > x[static_cast<size_t>(best)])) best = static_cast<int64_t>(i);
  }
  return std::max<int64_t>(best, 0);
}

TEST_P(VectorOps, ArgmaxAndMaxWithTiesNanAndInfinity) {
  std::mt19937 random(8);
  // Few distinct values, so that ties are everywhere.
  const float kValues[] = {-kInfinity, -1, -0.0F, 0, 1, 2, kNan, kInfinity};
  for (const int64_t n : {1, 2, 15, 16, 17, 31, 100, 2048, 2049, 5000}) {
    for (int round = 0; round < 60; ++round) {
      const uint32_t distinct = 1 + static_cast<uint32_t>(round) % 8;
      std::vector<float> x(static_cast<size_t>(n));
      for (float& v : x) v = kValues[(static_cast<uint32_t>(round) / 8 + random() % distinct) % 8];
      if (round % 3 == 0) x[random() % x.size()] = 5;
      const int64_t expected = naive_argmax(x);
      ASSERT_EQ(kernels_.argmax(x.data(), n), expected) << "n " << n << " round " << round;
      const float largest = x[static_cast<size_t>(expected)];
      ASSERT_EQ(kernels_.max(x.data(), n), std::isnan(largest) ? -kInfinity : largest);
    }
  }
}

TEST_P(VectorOps, ArgmaxFindsTheOneLargest) {
  auto x = random_floats(4099, 9);
  for (const size_t at : {0U, 1U, 2047U, 2048U, 4096U, 4098U}) {
    const float before = x[at];
    x[at] = 9;
    EXPECT_EQ(kernels_.argmax(x.data(), 4099), static_cast<int64_t>(at));
    x[at] = before;
  }
}

TEST_P(VectorOps, SumExp) {
  for (const int64_t n : kLengths) {
    auto x = random_floats(n, 10, 5);
    if (n > 3) x[3] = -kInfinity;
    const float largest = *std::ranges::max_element(x);
    for (const float inverse : {0.1F, 1.0F, 3.0F}) {
      double expected = 0;
      for (const float v : x) expected += std::exp((static_cast<double>(v) - static_cast<double>(largest)) * static_cast<double>(inverse));
      EXPECT_NEAR(kernels_.sum_exp(x.data(), largest, inverse, n), expected, 1e-6 * expected) << n;
    }
  }
}

// A sum of one term is the exponential itself.
TEST_P(VectorOps, ExpIsWithinTwoUnitsInTheLastPlace) {
  const auto exp = [&](float x) { return kernels_.sum_exp(&x, 0, 1, 1); };
  for (float x = kExpLowest; x < 88.72F; x += 0.0037F) {
    const double exact = std::exp(static_cast<double>(x));
    const auto nearest = static_cast<float>(exact);
    const double unit = static_cast<double>(nearest) - static_cast<double>(std::nextafter(nearest, 0.0F));
    ASSERT_LT(std::fabs(exp(x) - exact), 2 * unit) << x;
  }
  EXPECT_EQ(exp(0), 1);
  EXPECT_EQ(exp(-88), 0);
  EXPECT_EQ(exp(-kInfinity), 0);
  EXPECT_EQ(exp(89), static_cast<double>(kInfinity));
  EXPECT_EQ(exp(kInfinity), static_cast<double>(kInfinity));
  EXPECT_TRUE(std::isnan(exp(kNan)));
}

INSTANTIATE_TEST_SUITE_P(All, VectorOps, testing::ValuesIn(supported_isas()),
                         [](const auto& info) { return std::string(isa_name(info.param)); });

}  // namespace
}  // namespace ondol
