// Attention over a paged KV cache.
//
// Keys and values lie in blocks of kKvBlock tokens; inside a block each KV head has its own piece of kv_head_bytes(): keys transposed
// ([head_dim][kKvBlock], so that scores of 32 tokens are one vector), values as [kKvBlock][head_dim]. A query's result depends on its own
// q and the keys it sees only, bit for bit: blocks are visited in order of absolute position, whatever rows are computed with it.
//
// Owner: the caller owns all memory. Any thread, as long as outputs (and blocks being stored to) are disjoint.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/isa.h"

namespace ondol {

inline constexpr int kKvBlock = 32;

enum class KvType : uint8_t {
  kF16,
  kF32,
  kQ8,  // int8 with one float scale per token for K and one for V
};

// Bytes of one KV head in one block, keys and values, a multiple of 64.
size_t kv_head_bytes(KvType type, int head_dim);

struct AttentionTask {
  int head_dim = 0;
  int group = 1;               // query heads that share this KV head
  int rows = 0;                // query rows at consecutive positions of one sequence
  int64_t first_position = 0;  // of row 0; row r sees keys max(0, p - window + 1) .. p with p = first_position + r
  int window = 0;              // 0 = all
  float scale = 0;
  const float* q = nullptr;  // head g of row r at q + r * stride + g * head_dim
  float* out = nullptr;      // the same layout
  int64_t stride = 0;
  // blocks[b]: this head's piece of the block of positions [b * kKvBlock, (b + 1) * kKvBlock). Entries that no row sees may be null.
  const std::byte* const* blocks = nullptr;
  float* scratch = nullptr;  // attention_scratch_floats(head_dim) floats
};

size_t attention_scratch_floats(int head_dim);

struct AttentionKernels {
  // Writes one token's key and value (head_dim floats each) at `slot` (0..31) of the head's piece `piece`.
  void (*store)(KvType type, int head_dim, int slot, const float* k, const float* v, std::byte* piece);
  void (*attend)(KvType type, const AttentionTask& task);
};

const AttentionKernels& attention_kernels(Isa isa);

}  // namespace ondol
