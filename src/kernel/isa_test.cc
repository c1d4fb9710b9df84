#include "kernel/isa.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ondol {
namespace {

TEST(Isa, SupportedOnesStartWithScalarAndIncludeTheBest) {
  const auto isas = supported_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kScalar);
  EXPECT_TRUE(std::ranges::is_sorted(isas));
  EXPECT_NE(std::ranges::find(isas, best_isa()), isas.end());
}

TEST(Isa, LimitLowersOnly) {
  EXPECT_EQ(limit_isa(Isa::kAvx512, "avx2"), Isa::kAvx2);
  EXPECT_EQ(limit_isa(Isa::kAvx512, "scalar"), Isa::kScalar);
  EXPECT_EQ(limit_isa(Isa::kScalar, "avx512"), Isa::kScalar);
  EXPECT_EQ(limit_isa(Isa::kAvx2, ""), Isa::kAvx2);
  EXPECT_EQ(limit_isa(Isa::kAvx2, "sse9"), Isa::kAvx2);
}

// The compiler's own detection, another reading of the same bits.
TEST(Isa, AgreesWithTheCompiler) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
                      __builtin_cpu_supports("avx512bf16");
  EXPECT_EQ(supported_isas().back(), avx512 ? Isa::kAvx512 : avx2 ? Isa::kAvx2 : Isa::kScalar);
}

TEST(Isa, Names) {
  EXPECT_EQ(isa_name(Isa::kScalar), "scalar");
  EXPECT_EQ(isa_name(Isa::kAvx2), "avx2");
  EXPECT_EQ(isa_name(Isa::kAvx512), "avx512");
}

}  // namespace
}  // namespace ondol
