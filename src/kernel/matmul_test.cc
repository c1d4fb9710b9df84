#include "kernel/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernel/half.h"

namespace ondol {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<DType> all_types() {
  std::vector<DType> types;
  for (int i = 0; i < kDTypeCount; ++i) types.push_back(static_cast<DType>(i));
  return types;
}

struct AlignedBytes {
  explicit AlignedBytes(size_t bytes) : memory(bytes + 64) {}
  std::byte* data() {
    void* at = memory.data();
    size_t space = memory.size();
    return static_cast<std::byte*>(std::align(64, memory.size() - 64, at, space));
  }
  std::vector<std::byte> memory;
};

// Random weights in the type's own format: every code and scale pattern occurs, floats near 0.05.
class Weights {
 public:
  Weights(DType type, int64_t rows, int64_t cols, unsigned seed) : random_(seed) {
    bytes_.resize(static_cast<size_t>(rows) * row_bytes(type, cols));
    const DTypeTraits& t = traits(type);
    for (size_t at = 0; at < bytes_.size(); at += static_cast<size_t>(t.block_bytes)) fill_block(type, bytes_.data() + at, t);
    tensor_ = {type, 1, rows, cols, bytes_};
  }
  const Tensor& tensor() const { return tensor_; }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  float number() { return std::normal_distribution<float>(0, 0.05f)(random_); }
  void put_half(std::byte* at) {
    const uint16_t half = float_to_half(number());
    std::memcpy(at, &half, 2);
  }
  void fill_block(DType type, std::byte* block, const DTypeTraits& t) {
    const float value = number();
    if (type == DType::kF32) {
      std::memcpy(block, &value, 4);
    } else if (type == DType::kBF16) {
      std::memcpy(block, reinterpret_cast<const char*>(&value) + 2, 2);
    } else {
      for (int i = 0; i < t.block_bytes; ++i) block[i] = static_cast<std::byte>(random_() & 255);
      if (type == DType::kQ6_K) return put_half(block + 208);
      put_half(block);
      const bool has_min = type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ4_K || type == DType::kQ5_K;
      if (has_min) put_half(block + 2);
    }
  }

  std::mt19937 random_;
  std::vector<std::byte> bytes_;
  Tensor tensor_;
};

std::vector<float> random_rows(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(count));
  for (float& v : x) v = normal(random);
  return x;
}

// A packed matrix that owns its bytes.
struct Packed {
  Packed(Isa isa_in, const Tensor& source, std::span<const int32_t> row_map = {})
      : isa(isa_in),
        matrix(*plan_matrix(source.dtype, row_map.empty() ? source.rows : static_cast<int64_t>(row_map.size()), source.cols, isa)),
        memory(static_cast<size_t>(matrix.panels()) * matrix.panel_bytes) {
    // In two calls, as two threads would.
    const int64_t middle = matrix.panels() / 2;
    matmul_kernels(isa).pack(source, row_map, matrix, middle, matrix.panels(), memory.data());
    matmul_kernels(isa).pack(source, row_map, matrix, 0, middle, memory.data());
    matrix.data = memory.data();
  }
  Isa isa;
  PackedMatrix matrix;
  AlignedBytes memory;
};

struct Prepared {
  Prepared(Isa isa, ActKind kind, std::span<const float> x, int64_t cols)
      : rows(static_cast<int64_t>(x.size()) / cols), memory(act_bytes(kind, rows, cols)) {
    act = bind_activations(kind, rows, cols, memory.data());
    matmul_kernels(isa).prepare(x.data(), cols, 0, rows, act);
  }
  int64_t rows;
  AlignedBytes memory;
  Activations act;
};

std::vector<float> multiply(const Packed& w, std::span<const float> x, const float* bias = nullptr) {
  const Prepared prepared(w.isa, w.matrix.act, x, w.matrix.cols);
  std::vector<float> out(static_cast<size_t>(prepared.rows * w.matrix.rows), kNan);
  matmul_kernels(w.isa).matmul(prepared.act, prepared.rows, w.matrix, 0, w.matrix.panels(), bias, out.data(), w.matrix.rows);
  return out;
}

const ActGroup& group_at(const Activations& a, int64_t row, int64_t g) {
  return reinterpret_cast<const ActGroup*>(static_cast<const std::byte*>(a.values) + row * a.stride)[g];
}

// What the prepared activations stand for.
float activation(const Activations& a, int64_t row, int64_t k) {
  if (a.kind == ActKind::kF32) return static_cast<const float*>(a.values)[row * a.stride + k];
  if (a.kind == ActKind::kBF16) {
    const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(a.values)[row * a.stride + k]) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }
  const ActGroup& group = group_at(a, row, k / 32);
  return static_cast<float>(group.values[k % 32]) * group.scale;
}

struct Reference {
  std::vector<double> sums;
  std::vector<double> magnitudes;  // sum of |x * w|: what rounding is relative to
};

Reference reference(const Tensor& w, const Activations& x, int64_t rows) {
  Reference r;
  std::vector<float> weights(static_cast<size_t>(w.cols));
  r.sums.resize(static_cast<size_t>(rows * w.rows));
  r.magnitudes.resize(r.sums.size());
  for (int64_t n = 0; n < w.rows; ++n) {
    dequantize_row(w.dtype, w.row(n), w.cols, weights.data());
    for (int64_t m = 0; m < rows; ++m) {
      double sum = 0;
      double magnitude = 0;
      for (int64_t k = 0; k < w.cols; ++k) {
        const double product = static_cast<double>(activation(x, m, k)) * static_cast<double>(weights[static_cast<size_t>(k)]);
        sum += product;
        magnitude += std::fabs(product);
      }
      r.sums[static_cast<size_t>(m * w.rows + n)] = sum;
      r.magnitudes[static_cast<size_t>(m * w.rows + n)] = magnitude;
    }
  }
  return r;
}

std::string where(Isa isa, DType type) { return std::string(isa_name(isa)) + " " + std::string(traits(type).name); }

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
