// Where keys, values and scales lie inside one KV head's piece of a block, and the kernel tables of each instruction set.
// Inside the kernel room only. No owner, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/attention.h"

namespace ondol {

// Values are padded with zeros to whole vectors of the widest instruction set, so that every ISA reads the same bytes.
inline constexpr int kValuePad = 16;

// keys [head_dim][kKvBlock] | key scales [kKvBlock] | value scales [kKvBlock] | values [kKvBlock][value_stride]; scales only for kQ8.
struct KvLayout {
  int64_t value_stride = 0;  // elements between tokens
  size_t key_scales = 0;     // byte offsets from the start of the piece
  size_t value_scales = 0;
  size_t values = 0;
  size_t bytes = 0;
};

KvLayout kv_layout(KvType type, int head_dim);

// Query vectors (row, head) that are taken through the cache together; bounds the scratch.
inline constexpr int kQueryGroup = 48;
// Tokens between two updates of the running softmax: whole blocks, counted from position 0, so that where a sequence was cut into
// chunks cannot be seen in the result.
inline constexpr int kSpanBlocks = 4;
inline constexpr int kSpan = kSpanBlocks * kKvBlock;
// A vector of smaller magnitudes is stored as zeros by kQ8: 127 / magnitude must be finite.
inline constexpr float kQ8Smallest = 1e-30F;
// Most query vectors in one register tile.
inline constexpr int kMaxTileRows = 12;

extern const AttentionKernels kAttentionScalar;
extern const AttentionKernels kAttentionAvx2;
extern const AttentionKernels kAttentionAvx512;

}  // namespace ondol
