// Memory of the KV cache: blocks of kKvBlock tokens, reference-counted, for each group of layers with the same window.
//
// A block of a group holds the keys and values of all its layers and KV heads. Layers with a sliding window are a group of their own, so
// that their blocks can be freed as soon as no later token sees them.
//
// Owner: the engine's step thread, alone. Bounded: blocks of all groups together never exceed the byte budget. Memory is reserved, and
// becomes resident only when a block is first used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/arena.h"
#include "kernel/attention.h"
#include "model/spec.h"

namespace ondol {

struct KvGroup {
  int window = 0;           // 0 = full attention
  std::vector<int> layers;  // model layers, in order
  size_t block_bytes = 0;   // layers * kv_heads * kv_head_bytes
};

// Where a layer's keys and values are.
struct KvPlace {
  int group;
  int index;  // among the group's layers
};

struct KvLayout {
  KvType type = KvType::kF16;
  int kv_heads = 0;
  int head_dim = 0;
  size_t head_bytes = 0;
  std::vector<KvGroup> groups;  // full attention first if there is any, then windows by size
  std::vector<KvPlace> places;  // by model layer

  size_t piece_offset(int layer, int head) const {
    return (static_cast<size_t>(places[static_cast<size_t>(layer)].index) * static_cast<size_t>(kv_heads) + static_cast<size_t>(head)) *
           head_bytes;
  }
  // Bytes that one sequence of `tokens` tokens holds, when `chunk` tokens are computed in one step.
  uint64_t sequence_bytes(int64_t tokens, int64_t chunk) const;
};

KvLayout kv_layout(const ModelSpec& spec, KvType type);

class KvPool {
 public:
  KvPool(const KvLayout& layout, uint64_t budget_bytes, bool huge_pages);

  // A block with one reference, or nothing when the budget is used up.
  std::optional<int32_t> allocate(int group);
  void retain(int group, int32_t block);
  void release(int group, int32_t block);
  int references(int group, int32_t block) const { return groups_[static_cast<size_t>(group)].references[static_cast<size_t>(block)]; }
  std::byte* data(int group, int32_t block) const {
    const auto& g = groups_[static_cast<size_t>(group)];
    return g.memory.data() + static_cast<size_t>(block) * g.block_bytes;
  }

  const KvLayout& layout() const { return layout_; }
  uint64_t used_bytes() const { return used_bytes_; }
  uint64_t budget_bytes() const { return budget_bytes_; }
  uint64_t block_bytes(int group) const { return groups_[static_cast<size_t>(group)].block_bytes; }

 private:
  struct Group {
    size_t block_bytes = 0;
    Arena memory;
    std::vector<int> references;
    std::vector<int32_t> free;  // last in, first out: keeps the resident set small
    int32_t untouched = 0;      // blocks from here on were never used
  };
  KvLayout layout_;
  uint64_t budget_bytes_;
  uint64_t used_bytes_ = 0;
  std::vector<Group> groups_;
};

}  // namespace ondol
