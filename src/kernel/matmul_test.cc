#include "kernel/matmul.h"

#include <gtest/gtest.h>

#include "kernel/matmul_test_support.h"

namespace ondol {
namespace {

TEST(Matmul, AgreesWithDoublePrecision) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : all_types()) {
      SCOPED_TRACE(where(isa, type));
      const int64_t rows = 75, cols = 512, count = 7;
      const Weights weights(type, rows, cols, 1);
      const Packed packed(isa, weights.tensor());
      const auto x = random_rows(count * cols, 2);
      const auto out = multiply(packed, x);
      const Prepared prepared(isa, packed.matrix.act, x, cols);
      const Reference want = reference(weights.tensor(), prepared.act, count);
      for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], want.sums[i], 2e-6 * want.magnitudes[i] + 1e-6) << i;
    }
  }
}

TEST(Matmul, PreparedRowsStayWithinHalfAStep) {
  for (const Isa isa : supported_isas()) {
    const int64_t cols = 96;
    const auto x = random_rows(3 * cols, 3);
    for (const ActKind kind : {ActKind::kF32, ActKind::kBF16, ActKind::kQ8}) {
      const Prepared p(isa, kind, x, cols);
      for (int64_t m = 0; m < 3; ++m) {
        for (int64_t k = 0; k < cols; ++k) {
          const float value = x[static_cast<size_t>(m * cols + k)];
          float limit = 0;
          if (kind == ActKind::kBF16) limit = std::fabs(value) / 256;
          if (kind == ActKind::kQ8) limit = group_at(p.act, m, k / 32).scale * 0.501f;
          ASSERT_NEAR(activation(p.act, m, k), value, limit) << isa_name(isa) << " " << m << " " << k;
        }
      }
    }
  }
}

TEST(Matmul, InstructionSetsPrepareTheSameIntegers) {
  const int64_t cols = 256;
  auto x = random_rows(4 * cols, 4);
  for (int i = 0; i < 32; ++i) x[static_cast<size_t>(i)] = static_cast<float>(i % 9 - 4) / 2;  // ties of the rounding
  const Prepared want(Isa::kScalar, ActKind::kQ8, x, cols);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(isa_name(isa));
    const Prepared got(isa, ActKind::kQ8, x, cols);
    for (int64_t m = 0; m < 4; ++m) {
      const size_t bytes = cols / 32 * sizeof(ActGroup);
      EXPECT_EQ(std::memcmp(&group_at(want.act, m, 0), &group_at(got.act, m, 0), bytes), 0) << m;
    }
  }
}

TEST(Matmul, InstructionSetsAgree) {
  for (const DType type : all_types()) {
    const int64_t cols = 768;
    const Weights weights(type, 64, cols, 5);
    const auto x = random_rows(5 * cols, 6);
    const auto want = multiply(Packed(Isa::kScalar, weights.tensor()), x);
    for (const Isa isa : supported_isas()) {
      const auto got = multiply(Packed(isa, weights.tensor()), x);
      for (size_t i = 0; i < got.size(); ++i)
        ASSERT_NEAR(got[i], want[i], 1e-5 * std::fabs(want[i]) + 2e-4) << where(isa, type) << " " << i;
    }
  }
}

// The bits of an element must not depend on how many rows are multiplied, on the row's place among them or on the share of panels.
TEST(Matmul, BitsDoNotDependOnTheBatch) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : all_types()) {
      SCOPED_TRACE(where(isa, type));
      const int64_t rows = 96, cols = 512, most = 40;
      const Weights weights(type, rows, cols, 7);
      const Packed packed(isa, weights.tensor());
      const auto x = random_rows(most * cols, 8);
      const auto bias = random_rows(rows, 9);
      std::vector<float> alone;
      for (int64_t m = 0; m < most; ++m) {
        const auto row = multiply(packed, std::span(x).subspan(static_cast<size_t>(m * cols), static_cast<size_t>(cols)), bias.data());
        alone.insert(alone.end(), row.begin(), row.end());
      }
      for (int64_t count = 1; count <= most; ++count) {
        const int64_t first = most - count;  // another place for every row each time
        const auto some = std::span(x).subspan(static_cast<size_t>(first * cols), static_cast<size_t>(count * cols));
        const Prepared p(isa, packed.matrix.act, some, cols);
        std::vector<float> out(static_cast<size_t>(count * rows), kNan);
        const int64_t split = 1 + count % 2;
        const MatmulKernels& kernels = matmul_kernels(isa);
        kernels.matmul(p.act, count, packed.matrix, split, packed.matrix.panels(), bias.data(), out.data(), rows);
        kernels.matmul(p.act, count, packed.matrix, 0, split, bias.data(), out.data(), rows);
        ASSERT_EQ(std::memcmp(out.data(), alone.data() + first * rows, out.size() * sizeof(float)), 0) << count << " rows";
      }
    }
  }
}

// More rows than the row block that is kept in L2.
TEST(Matmul, BitsDoNotDependOnTheRowBlock) {
  for (const Isa isa : supported_isas()) {
    if (isa == Isa::kScalar) continue;  // has no row blocks
    const int64_t cols = 8192, count = 70;
    const Weights weights(DType::kQ8_0, 32, cols, 10);
    const Packed packed(isa, weights.tensor());
    const auto x = random_rows(count * cols, 11);
    const auto all = multiply(packed, x);
    for (const int64_t m : {0, 29, 30, 41, 42, 69}) {
      const auto one = multiply(packed, std::span(x).subspan(static_cast<size_t>(m * cols), static_cast<size_t>(cols)));
      EXPECT_EQ(std::memcmp(one.data(), all.data() + m * 32, 32 * sizeof(float)), 0) << isa_name(isa) << " row " << m;
    }
  }
}

TEST(Matmul, AddsTheBias) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : {DType::kF32, DType::kQ4_K}) {
      const Weights weights(type, 40, 256, 12);
      const Packed packed(isa, weights.tensor());
      const auto x = random_rows(2 * 256, 13);
      const auto bias = random_rows(40, 14);
      const auto without = multiply(packed, x);
      const auto with = multiply(packed, x, bias.data());
      for (size_t i = 0; i < with.size(); ++i) EXPECT_EQ(with[i], without[i] + bias[i % 40]) << where(isa, type) << " " << i;
    }
  }
}

TEST(Matmul, WritesOnlyItsFeatures) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : all_types()) {
      for (const int64_t rows : {1, 15, 16, 17, 31, 33, 50}) {
        const Weights weights(type, rows, 256, 15);
        const Packed packed(isa, weights.tensor());
        const auto x = random_rows(2 * 256, 16);
        const Prepared p(isa, packed.matrix.act, x, 256);
        const int64_t ldo = rows + 3;
        std::vector<float> out(static_cast<size_t>(2 * ldo), 77.0f);
        matmul_kernels(isa).matmul(p.act, 2, packed.matrix, 0, packed.matrix.panels(), nullptr, out.data(), ldo);
        const Reference want = reference(weights.tensor(), p.act, 2);
        for (int64_t m = 0; m < 2; ++m) {
          for (int64_t n = 0; n < ldo; ++n) {
            const float got = out[static_cast<size_t>(m * ldo + n)];
            if (n >= rows) {
              ASSERT_EQ(got, 77.0f) << where(isa, type) << " " << rows;
            } else {
              const auto i = static_cast<size_t>(m * rows + n);
              ASSERT_NEAR(got, want.sums[i], 2e-6 * want.magnitudes[i] + 1e-6) << where(isa, type) << " " << rows;
            }
          }
        }
      }
    }
  }
}

TEST(Matmul, FloatsTakeAnyInputCount) {
  for (const Isa isa : supported_isas()) {
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const int64_t cols : {1, 2, 31, 33, 67}) {
        const Weights weights(type, 33, cols, 17);
        const Packed packed(isa, weights.tensor());
        const auto x = random_rows(7 * cols, 18);
        const auto out = multiply(packed, x);
        const Prepared p(isa, packed.matrix.act, x, cols);
        const Reference want = reference(weights.tensor(), p.act, 7);
        for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], want.sums[i], 2e-6 * want.magnitudes[i] + 1e-6) << where(isa, type);
      }
    }
  }
}

TEST(Matmul, RowMapPicksAndRepeatsSourceRows) {
  const Weights weights(DType::kQ5_K, 40, 256, 19);
  const std::vector<int32_t> map = {39, 0,  7,  7,  12, 38, 1,  39, 2,  3,  4,  5,  6,  8,  9,  10, 11, 13,
                                    14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
  const auto x = random_rows(256, 20);
  for (const Isa isa : supported_isas()) {
    const auto plain = multiply(Packed(isa, weights.tensor()), x);
    const auto mapped = multiply(Packed(isa, weights.tensor(), map), x);
    ASSERT_EQ(mapped.size(), map.size());
    for (size_t n = 0; n < map.size(); ++n) EXPECT_EQ(mapped[n], plain[static_cast<size_t>(map[n])]) << isa_name(isa) << " " << n;
  }
}

}  // namespace
}  // namespace ondol
