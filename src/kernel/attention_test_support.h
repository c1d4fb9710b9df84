// Random paged sequences for the tests of attention. Tests only.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernel/attention.h"

namespace ondol {

struct AttentionShape {
  KvType type = KvType::kF16;
  int head_dim = 64;
  int group = 1;
  int window = 0;
};

// The keys and values of one head, and a query for each of its positions. Unwritten cache memory holds all ones: NaN as f16 and as float.
class Sequence {
 public:
  Sequence(const AttentionShape& shape, int tokens, uint32_t seed) : shape_(shape), stride_(shape.group * shape.head_dim + 3) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& to, int64_t n, float scale) {
      to.resize(static_cast<size_t>(n));
      for (float& x : to) x = normal(random) * scale;
    };
    fill(k_, int64_t{tokens} * shape.head_dim, 1.0F);
    fill(v_, int64_t{tokens} * shape.head_dim, 1.0F);
    fill(q_, tokens * stride_, 1.5F);
  }

  // The cache after the first `tokens` tokens; blocks before `first_needed` are absent.
  void store(const AttentionKernels& kernels, int tokens, int64_t first_needed = 0) {
    const size_t bytes = kv_head_bytes(shape_.type, shape_.head_dim);
    const int64_t blocks = (tokens + kKvBlock - 1) / kKvBlock;
    memory_.assign(static_cast<size_t>(blocks) * bytes, std::byte{0xff});
    pointers_.assign(static_cast<size_t>(blocks), nullptr);
    for (int64_t b = first_needed / kKvBlock; b < blocks; ++b)
      pointers_[static_cast<size_t>(b)] = memory_.data() + static_cast<size_t>(b) * bytes;
    for (int64_t t = first_needed / kKvBlock * kKvBlock; t < tokens; ++t) {
      std::byte* piece = memory_.data() + static_cast<size_t>(t / kKvBlock) * bytes;
      kernels.store(shape_.type, shape_.head_dim, static_cast<int>(t % kKvBlock), key(t), value(t), piece);
    }
  }

  // Outputs of `rows` rows from position `first`, [rows][group * head_dim].
  std::vector<float> attend(const AttentionKernels& kernels, int64_t first, int rows) const {
    const auto width = static_cast<size_t>(shape_.group * shape_.head_dim);
    std::vector<float> out(static_cast<size_t>(rows * stride_), kUnwritten);
    std::vector<float> scratch(attention_scratch_floats(shape_.head_dim), std::numeric_limits<float>::quiet_NaN());
    AttentionTask task;
    task.head_dim = shape_.head_dim;
    task.group = shape_.group;
    task.rows = rows;
    task.first_position = first;
    task.window = shape_.window;
    task.scale = scale();
    task.q = query(first);
    task.out = out.data();
    task.stride = stride_;
    task.blocks = pointers_.data();
    task.scratch = scratch.data();
    kernels.attend(shape_.type, task);
    std::vector<float> dense;
    for (int r = 0; r < rows; ++r) {
      const auto row = out.begin() + r * stride_;
      dense.insert(dense.end(), row, row + static_cast<int64_t>(width));
      for (int64_t i = static_cast<int64_t>(width); i < stride_; ++i) gap_untouched_ = gap_untouched_ && row[i] == kUnwritten;
    }
    return dense;
  }

  float scale() const { return 1 / std::sqrt(static_cast<float>(shape_.head_dim)); }
  float* key(int64_t t) { return k_.data() + t * shape_.head_dim; }
  float* value(int64_t t) { return v_.data() + t * shape_.head_dim; }
  float* query(int64_t t) { return q_.data() + t * stride_; }
  const float* key(int64_t t) const { return k_.data() + t * shape_.head_dim; }
  const float* value(int64_t t) const { return v_.data() + t * shape_.head_dim; }
  const float* query(int64_t t) const { return q_.data() + t * stride_; }
  const std::vector<std::byte>& memory() const { return memory_; }
  const AttentionShape& shape() const { return shape_; }
  // No call has written between the rows of its output.
  bool gap_untouched() const { return gap_untouched_; }

 private:
  static constexpr float kUnwritten = 12345;
  AttentionShape shape_;
  int64_t stride_;
  std::vector<float> k_, v_, q_;
  std::vector<std::byte> memory_;
  std::vector<const std::byte*> pointers_;
  mutable bool gap_untouched_ = true;
};

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace ondol
