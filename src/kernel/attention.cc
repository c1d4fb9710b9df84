#include "kernel/attention.h"

#include "kernel/attention_layout.h"

namespace ondol {
namespace {

constexpr size_t kAlign = 64;

size_t round_up(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

}  // namespace

KvLayout kv_layout(KvType type, int head_dim) {
  const size_t element = type == KvType::kF32 ? sizeof(float) : type == KvType::kF16 ? sizeof(uint16_t) : sizeof(int8_t);
  const size_t scales = type == KvType::kQ8 ? kKvBlock * sizeof(float) : 0;
  const auto dims = static_cast<size_t>(head_dim);
  KvLayout layout;
  layout.value_stride = (head_dim + kValuePad - 1) / kValuePad * kValuePad;
  layout.key_scales = round_up(dims * kKvBlock * element);
  layout.value_scales = layout.key_scales + scales;
  layout.values = layout.value_scales + scales;
  layout.bytes = layout.values + kKvBlock * static_cast<size_t>(layout.value_stride) * element;
  return layout;
}

size_t kv_head_bytes(KvType type, int head_dim) { return kv_layout(type, head_dim).bytes; }

size_t attention_scratch_floats(int head_dim) {
  const auto padded = static_cast<size_t>(kv_layout(KvType::kF32, head_dim).value_stride);
  // For each query vector: packed q, output, running maximum, running sum. For one tile: probabilities of a span. Then alignment.
  return kQueryGroup * (2 * padded + 2) + kMaxTileRows * kSpan + kAlign / sizeof(float);
}

const AttentionKernels& attention_kernels(Isa isa) {
  switch (isa) {
    case Isa::kAvx512: return kAttentionAvx512;
    case Isa::kAvx2: return kAttentionAvx2;
    case Isa::kScalar: break;
  }
  return kAttentionScalar;
}

}  // namespace ondol
