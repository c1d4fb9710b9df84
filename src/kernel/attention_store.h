// Writing one token's key and value into a block, for one vector type V (simd_*.h): included by attention_avx2.cc and
// attention_avx512.cc only. The bytes are those of attention_scalar.cc. Any thread, one per piece at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/attention_layout.h"
#include "kernel/half.h"

namespace ondol {

template <class V>
void store_f32(int head_dim, const float* x, float* out, int stride) {
  for (int d = 0; d < head_dim; ++d) out[d * stride] = x[d];
}

// Finite values too large for f16 are stored as its largest one.
template <class V>
void store_f16(int head_dim, const float* x, uint16_t* out, int stride) {
  for (int d = 0; d < head_dim; d += V::kLanes) {
    const int lanes = head_dim - d < V::kLanes ? head_dim - d : V::kLanes;
    const auto clamped = V::max(V::set1(-kHalfMax), V::min(V::set1(kHalfMax), V::load_first(x + d, lanes, 0)));
    uint16_t halves[V::kLanes];
    V::store(halves, clamped);
    for (int i = 0; i < lanes; ++i) out[(d + i) * stride] = halves[i];
  }
}

// Returns the scale. A vector with NaN or infinity becomes zeros with a scale that makes every product NaN.
template <class V>
float store_q8(int head_dim, const float* x, int8_t* out, int stride) {
  auto bits = V::zero_int();
  for (int d = 0; d < head_dim; d += V::kLanes) {
    bits = V::max_magnitude(bits, V::load_first(x + d, head_dim - d < V::kLanes ? head_dim - d : V::kLanes, 0));
  }
  const float largest = __builtin_bit_cast(float, V::largest(bits));
  const bool normal = largest > kQ8Smallest && largest < __builtin_inff();
  const auto inverse = V::set1(normal ? 127 / largest : 0);
  for (int d = 0; d < head_dim; d += V::kLanes) {
    const int lanes = head_dim - d < V::kLanes ? head_dim - d : V::kLanes;
    int8_t bytes[V::kLanes] = {};
    if (normal) V::store(bytes, V::round_int(V::mul(V::load_first(x + d, lanes, 0), inverse)));
    for (int i = 0; i < lanes; ++i) out[(d + i) * stride] = bytes[i];
  }
  return normal ? largest / 127 : largest <= kQ8Smallest ? 0 : largest;
}

template <class V>
void simd_store(KvType type, int head_dim, int slot, const float* k, const float* v, std::byte* piece) {
  const KvLayout layout = kv_layout(type, head_dim);
  const auto place = [&]<class E>(E*, const auto& convert) {
    E* key = reinterpret_cast<E*>(piece) + slot;
    E* value = reinterpret_cast<E*>(piece + layout.values) + slot * layout.value_stride;
    convert(k, key, kKvBlock, reinterpret_cast<float*>(piece + layout.key_scales) + slot);
    convert(v, value, 1, reinterpret_cast<float*>(piece + layout.value_scales) + slot);
    for (int64_t d = head_dim; d < layout.value_stride; ++d) value[d] = 0;
  };
  switch (type) {
    case KvType::kF32:
      return place(static_cast<float*>(nullptr),
                   [&](const float* x, float* to, int stride, float*) { store_f32<V>(head_dim, x, to, stride); });
    case KvType::kF16:
      return place(static_cast<uint16_t*>(nullptr),
                   [&](const float* x, uint16_t* to, int stride, float*) { store_f16<V>(head_dim, x, to, stride); });
    case KvType::kQ8:
      return place(static_cast<int8_t*>(nullptr),
                   [&](const float* x, int8_t* to, int stride, float* scale) { *scale = store_q8<V>(head_dim, x, to, stride); });
  }
}

}  // namespace ondol
