// Random weights of every type, packed and unpacked, and products in double precision to compare with; for the tests of the matrix kernels.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernel/half.h"
#include "kernel/matmul.h"

namespace ondol {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

inline std::vector<DType> all_types() {
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

inline std::vector<float> random_rows(int64_t count, unsigned seed) {
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

inline std::vector<float> multiply(const Packed& w, std::span<const float> x, const float* bias = nullptr) {
  const Prepared prepared(w.isa, w.matrix.act, x, w.matrix.cols);
  std::vector<float> out(static_cast<size_t>(prepared.rows * w.matrix.rows), kNan);
  matmul_kernels(w.isa).matmul(prepared.act, prepared.rows, w.matrix, 0, w.matrix.panels(), bias, out.data(), w.matrix.rows);
  return out;
}

inline const ActGroup& group_at(const Activations& a, int64_t row, int64_t g) {
  return reinterpret_cast<const ActGroup*>(static_cast<const std::byte*>(a.values) + row * a.stride)[g];
}

// What the prepared activations stand for.
inline float activation(const Activations& a, int64_t row, int64_t k) {
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

inline Reference reference(const Tensor& w, const Activations& x, int64_t rows) {
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

inline std::string where(Isa isa, DType type) { return std::string(isa_name(isa)) + " " + std::string(traits(type).name); }

}  // namespace ondol
