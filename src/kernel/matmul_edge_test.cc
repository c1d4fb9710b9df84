// What is not an ordinary matrix: extreme, tiny and non-finite values, shapes that do not fit, memory.
#include <gtest/gtest.h>

#include "kernel/matmul_test_support.h"

namespace ondol {
namespace {

TEST(Matmul, NonFiniteActivationsGiveNanInTheirRowOnly) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : all_types()) {
      const Weights weights(type, 32, 256, 21);
      const Packed packed(isa, weights.tensor());
      auto x = random_rows(3 * 256, 22);
      const auto clean = multiply(packed, x);
      x[256 + 40] = std::numeric_limits<float>::infinity();
      x[256 + 100] = kNan;
      const auto out = multiply(packed, x);
      for (size_t n = 0; n < 32; ++n) {
        EXPECT_EQ(out[n], clean[n]);
        EXPECT_TRUE(std::isnan(out[32 + n])) << where(isa, type);
        EXPECT_EQ(out[64 + n], clean[64 + n]);
      }
    }
  }
}

// The largest and smallest codes by activations of full swing: where 16-bit intermediate sums would saturate.
TEST(Matmul, ExtremeCodesDoNotOverflow) {
  for (const DType type : all_types()) {
    if (traits(type).block_elements == 1) continue;
    for (const int code : {0x00, 0x7F, 0x80, 0xFF}) {
      Weights weights(type, 32, 256, 26);
      const auto block_bytes = static_cast<size_t>(traits(type).block_bytes);
      const bool has_min = type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ4_K || type == DType::kQ5_K;
      for (size_t i = 0; i < weights.bytes().size(); ++i) {
        const size_t in_block = i % block_bytes;
        const bool header = type == DType::kQ6_K ? in_block >= 192 : in_block < (has_min ? 4u : 2u);
        if (!header) weights.bytes()[i] = static_cast<std::byte>(code);
      }
      std::vector<float> x(3 * 256);
      for (size_t k = 0; k < 256; ++k) {
        x[k] = 1;
        x[256 + k] = -1;
        x[512 + k] = k % 2 == 0 ? 1.0f : -1.0f;
      }
      for (const Isa isa : supported_isas()) {
        const Packed packed(isa, weights.tensor());
        const auto out = multiply(packed, x);
        const Prepared p(isa, packed.matrix.act, x, 256);
        const Reference want = reference(weights.tensor(), p.act, 3);
        for (size_t i = 0; i < out.size(); ++i) {
          ASSERT_NEAR(out[i], want.sums[i], 2e-6 * want.magnitudes[i] + 1e-6) << where(isa, type) << " " << code << " " << i;
        }
      }
    }
  }
}

TEST(Matmul, ZeroTinyAndHugeActivations) {
  for (const Isa isa : supported_isas()) {
    const Weights weights(DType::kQ8_0, 32, 96, 23);
    const Packed packed(isa, weights.tensor());
    std::vector<float> x(3 * 96, 0.0f);
    for (size_t k = 0; k < 96; ++k) x[96 + k] = 1e-40f;
    for (size_t k = 0; k < 96; ++k) x[192 + k] = k % 2 == 0 ? 3e35f : -3e35f;
    const auto out = multiply(packed, x);
    for (size_t n = 0; n < 64; ++n) EXPECT_EQ(out[n], 0.0f);
    for (size_t n = 64; n < 96; ++n) EXPECT_TRUE(std::isfinite(out[n]));
  }
}

// A broken file may hold any bytes: packing and multiplying must not trap (run under the sanitizers) and must spoil only its own feature.
TEST(Matmul, NanScalesSpoilTheirFeatureOnly) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : all_types()) {
      Weights weights(type, 33, 512, 24);
      const auto x = random_rows(2 * 512, 25);
      const auto clean = multiply(Packed(isa, weights.tensor()), x);
      const size_t bytes = row_bytes(type, 512);
      for (size_t i = 0; i < bytes; ++i) weights.bytes()[5 * bytes + i] = std::byte{0xFF};
      const auto out = multiply(Packed(isa, weights.tensor()), x);
      for (size_t i = 0; i < out.size(); ++i) {
        if (i % 33 == 5) {
          EXPECT_TRUE(std::isnan(out[i])) << where(isa, type);
        } else {
          EXPECT_EQ(out[i], clean[i]) << where(isa, type) << " " << i;
        }
      }
    }
  }
}

TEST(PlanMatrix, TakesNoMoreThanTheFile) {
  for (const DType type : all_types()) {
    const auto plan = plan_matrix(type, 64, 1024, Isa::kScalar);
    ASSERT_TRUE(plan);
    const double ratio = static_cast<double>(plan->panel_bytes) / (32.0 * static_cast<double>(row_bytes(type, 1024)));
    EXPECT_LE(ratio, 1.03) << traits(type).name;
    EXPECT_EQ(plan->panel_bytes % 64, 0u);
    EXPECT_EQ(plan->panels(), 2);
  }
}

TEST(PlanMatrix, SaysWhatDoesNotFit) {
  const auto k = plan_matrix(DType::kQ4_K, 64, 576, Isa::kScalar);
  ASSERT_FALSE(k);
  EXPECT_EQ(k.error().code, Code::kInvalidArgument);
  EXPECT_NE(k.error().message.find("multiple of 256"), std::string::npos) << k.error().message;
  EXPECT_FALSE(plan_matrix(DType::kQ8_0, 64, 33, Isa::kScalar));
  EXPECT_FALSE(plan_matrix(DType::kF32, 0, 32, Isa::kScalar));
  EXPECT_FALSE(plan_matrix(DType::kF32, 32, -1, Isa::kScalar));
  EXPECT_FALSE(plan_matrix(static_cast<DType>(200), 32, 32, Isa::kScalar));
  EXPECT_FALSE(plan_matrix(DType::kF32, INT64_MAX, INT64_MAX, Isa::kScalar));
  EXPECT_FALSE(plan_matrix(DType::kF32, INT64_MAX / 4, 32, Isa::kScalar));
}

TEST(Activations, FitTheirMemory) {
  for (const ActKind kind : {ActKind::kF32, ActKind::kBF16, ActKind::kQ8}) {
    const size_t bytes = act_bytes(kind, 5, 320);
    AlignedBytes memory(bytes);
    const Activations a = bind_activations(kind, 5, 320, memory.data());
    EXPECT_EQ(a.values, memory.data());
    const auto* end = static_cast<const std::byte*>(a.values);
    if (kind == ActKind::kF32) end += 4 * (4 * a.stride + 320);
    if (kind == ActKind::kBF16) end += 2 * (4 * a.stride + 320);
    if (kind == ActKind::kQ8) end = reinterpret_cast<const std::byte*>(&group_at(a, 4, 10));
    EXPECT_GE(end - memory.data(), 5 * 320);
    EXPECT_LE(end - memory.data(), static_cast<ptrdiff_t>(bytes));
  }
}

}  // namespace
}  // namespace ondol
