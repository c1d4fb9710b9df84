#include "engine/kv_pool.h"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace ondol {

KvLayout kv_layout(const ModelSpec& spec, KvType type) {
  KvLayout layout;
  layout.type = type;
  layout.kv_heads = spec.kv_heads;
  layout.head_dim = spec.head_dim;
  layout.head_bytes = kv_head_bytes(type, spec.head_dim);
  std::map<int, std::vector<int>> by_window;
  for (int layer = 0; layer < spec.n_layers(); ++layer) by_window[spec.layers[static_cast<size_t>(layer)].window].push_back(layer);
  layout.places.resize(spec.layers.size());
  for (auto& [window, layers] : by_window) {
    for (size_t i = 0; i < layers.size(); ++i)
      layout.places[static_cast<size_t>(layers[i])] = {static_cast<int>(layout.groups.size()), static_cast<int>(i)};
    const size_t bytes = layers.size() * static_cast<size_t>(spec.kv_heads) * layout.head_bytes;
    layout.groups.push_back({window, std::move(layers), bytes});
  }
  return layout;
}

uint64_t KvLayout::sequence_bytes(int64_t tokens, int64_t chunk) const {
  uint64_t total = 0;
  for (const KvGroup& group : groups) {
    // A window's blocks plus those that the step under way adds, and one more because a window rarely starts on a block's edge.
    const int64_t held = group.window == 0 ? tokens : std::min<int64_t>(tokens, group.window + chunk + kKvBlock);
    total += static_cast<uint64_t>((held + kKvBlock - 1) / kKvBlock) * group.block_bytes;
  }
  return total;
}

KvPool::KvPool(const KvLayout& layout, uint64_t budget_bytes, bool huge_pages) : layout_(layout), budget_bytes_(budget_bytes) {
  for (const KvGroup& group : layout.groups) {
    const uint64_t most = budget_bytes / group.block_bytes;
    groups_.push_back({group.block_bytes, Arena(most * group.block_bytes, huge_pages), std::vector<int>(most), {}, 0});
  }
}

std::optional<int32_t> KvPool::allocate(int group) {
  Group& g = groups_[static_cast<size_t>(group)];
  if (used_bytes_ + g.block_bytes > budget_bytes_) return std::nullopt;
  int32_t block;
  if (!g.free.empty()) {
    block = g.free.back();
    g.free.pop_back();
  } else {
    block = g.untouched++;
  }
  used_bytes_ += g.block_bytes;
  g.references[static_cast<size_t>(block)] = 1;
  return block;
}

void KvPool::retain(int group, int32_t block) { ++groups_[static_cast<size_t>(group)].references[static_cast<size_t>(block)]; }

void KvPool::release(int group, int32_t block) {
  Group& g = groups_[static_cast<size_t>(group)];
  int& references = g.references[static_cast<size_t>(block)];
  if (references <= 0) std::abort();  // a block freed twice would be handed to two sequences
  if (--references > 0) return;
  g.free.push_back(block);
  used_bytes_ -= g.block_bytes;
}

}  // namespace ondol
