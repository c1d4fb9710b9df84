// The reference: one query vector at a time, one block at a time, running softmax
// (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax").
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernel/attention_layout.h"
#include "kernel/exp.h"
#include "kernel/half.h"

namespace ondol {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float to_float(float x) { return x; }
float to_float(uint16_t x) { return half_to_float(x); }
float to_float(int8_t x) { return x; }

// Finite values too large for f16 are stored as its largest one.
uint16_t saturated_half(float x) { return float_to_half(std::isnan(x) ? x : std::clamp(x, -kHalfMax, kHalfMax)); }

// Largest magnitude, NaN counting as larger than all.
float max_magnitude(const float* x, int n) {
  uint32_t bits = 0;
  for (int i = 0; i < n; ++i) bits = std::max(bits, std::bit_cast<uint32_t>(x[i]) & 0x7fffffffU);
  return std::bit_cast<float>(bits);
}

// round(x * inverse) for a finite vector; a vector with NaN or infinity has zeros and a scale that makes every product NaN.
struct Quantizer {
  explicit Quantizer(const float* x, int n) {
    const float largest = max_magnitude(x, n);
    if (!std::isfinite(largest)) {
      scale = largest;
    } else if (largest > kQ8Smallest) {
      scale = largest / 127;
      inverse = 127 / largest;
    }
  }
  int8_t operator()(float x) const {
    if (inverse == 0) return 0;
    return static_cast<int8_t>((x * inverse + 0x1.8p23F) - 0x1.8p23F);
  }
  float scale = 0;
  float inverse = 0;
};

template <class Element, class Convert>
void store_elements(int head_dim, int slot, const float* k, const float* v, const KvLayout& layout, std::byte* piece, const Convert& key,
                    const Convert& value) {
  auto* keys = reinterpret_cast<Element*>(piece);
  for (int d = 0; d < head_dim; ++d) keys[d * kKvBlock + slot] = key(k[d]);
  Element* values = reinterpret_cast<Element*>(piece + layout.values) + slot * layout.value_stride;
  for (int d = 0; d < head_dim; ++d) values[d] = value(v[d]);
  std::fill(values + head_dim, values + layout.value_stride, Element{0});
}

void store(KvType type, int head_dim, int slot, const float* k, const float* v, std::byte* piece) {
  const KvLayout layout = kv_layout(type, head_dim);
  if (type == KvType::kF32) {
    const auto same = [](float x) { return x; };
    store_elements<float>(head_dim, slot, k, v, layout, piece, same, same);
  } else if (type == KvType::kF16) {
    store_elements<uint16_t>(head_dim, slot, k, v, layout, piece, saturated_half, saturated_half);
  } else {
    const Quantizer key(k, head_dim);
    const Quantizer value(v, head_dim);
    store_elements<int8_t>(head_dim, slot, k, v, layout, piece, key, value);
    reinterpret_cast<float*>(piece + layout.key_scales)[slot] = key.scale;
    reinterpret_cast<float*>(piece + layout.value_scales)[slot] = value.scale;
  }
}

// Running softmax of one query vector.
struct Running {
  float max = -kInfinity;
  float sum = 0;
};

// Takes tokens [begin, end) of a block into `running` and `out` (head_dim sums, not yet divided).
template <class Element>
void attend_block(const AttentionTask& task, const KvLayout& layout, const std::byte* piece, int begin, int end, const float* q,
                  Running& running, float* out) {
  const auto* keys = reinterpret_cast<const Element*>(piece);
  float score[kKvBlock] = {};
  for (int d = 0; d < task.head_dim; ++d) {
    for (int t = begin; t < end; ++t) score[t] += q[d] * to_float(keys[d * kKvBlock + t]);
  }
  float largest = running.max;
  for (int t = begin; t < end; ++t) {
    score[t] *= task.scale;
    if constexpr (sizeof(Element) == 1) score[t] *= reinterpret_cast<const float*>(piece + layout.key_scales)[t];
    if (score[t] > largest) largest = score[t];
  }
  const float base = largest == -kInfinity ? 0 : largest;
  const float keep = exp_scalar(running.max - base);
  running.max = largest;
  running.sum *= keep;
  for (int d = 0; d < task.head_dim; ++d) out[d] *= keep;
  for (int t = begin; t < end; ++t) {
    float p = exp_scalar(score[t] - base);
    running.sum += p;
    if constexpr (sizeof(Element) == 1) p *= reinterpret_cast<const float*>(piece + layout.value_scales)[t];
    const Element* value = reinterpret_cast<const Element*>(piece + layout.values) + t * layout.value_stride;
    for (int d = 0; d < task.head_dim; ++d) out[d] += p * to_float(value[d]);
  }
}

template <class Element>
void attend_elements(KvType type, const AttentionTask& task) {
  const KvLayout layout = kv_layout(type, task.head_dim);
  for (int i = 0; i < task.rows * task.group; ++i) {
    const int row = i / task.group;
    const int64_t offset = row * task.stride + static_cast<int64_t>(i % task.group) * task.head_dim;
    const int64_t end = task.first_position + row + 1;
    const int64_t begin = task.window > 0 ? std::max<int64_t>(0, end - task.window) : 0;
    Running running;
    float* sums = task.scratch;
    std::fill(sums, sums + task.head_dim, 0.0F);
    for (int64_t block = begin / kKvBlock; block * kKvBlock < end; ++block) {
      const auto first = static_cast<int>(std::max<int64_t>(begin - block * kKvBlock, 0));
      const auto last = static_cast<int>(std::min<int64_t>(end - block * kKvBlock, kKvBlock));
      attend_block<Element>(task, layout, task.blocks[block], first, last, task.q + offset, running, sums);
    }
    const float inverse = running.sum == 0 ? 0 : 1 / running.sum;
    for (int d = 0; d < task.head_dim; ++d) task.out[offset + d] = sums[d] * inverse;
  }
}

void attend(KvType type, const AttentionTask& task) {
  switch (type) {
    case KvType::kF32: return attend_elements<float>(type, task);
    case KvType::kF16: return attend_elements<uint16_t>(type, task);
    case KvType::kQ8: return attend_elements<int8_t>(type, task);
  }
}

}  // namespace

constinit const AttentionKernels kAttentionScalar = {.store = store, .attend = attend};

}  // namespace ondol
