#include "engine/kv_cache.h"

#include <algorithm>

namespace ondol {
namespace {

// First block that a query at `position` and all later ones still see through a window.
int64_t first_seen_block(int64_t position, int window) { return std::max<int64_t>(0, position - window + 1) / kKvBlock; }

}  // namespace

KvCache::KvCache(const KvLayout& layout, uint64_t budget_bytes, bool huge_pages, bool sharing)
    : pool_(layout, budget_bytes, huge_pages), tree_(pool_), sharing_(sharing) {}

void KvCache::enter(CachedTokens& s) {
  s.computed = 0;
  s.blocks.assign(pool_.layout().groups.size(), {});
  s.passed_blocks.assign(pool_.layout().groups.size(), 0);
  s.shared_blocks = 0;
  s.node = tree_.root();
  tree_.enter(s.node);
}

void KvCache::release(CachedTokens& s) {
  for (size_t g = 0; g < s.blocks.size(); ++g)
    for (const int32_t block : s.blocks[g])
      if (block != PrefixTree::kNoBlock) pool_.release(static_cast<int>(g), block);
  s.blocks.clear();
  s.computed = 0;
  if (s.node != nullptr) tree_.leave(s.node);
  s.node = nullptr;
}

void KvCache::stand_on(CachedTokens& s, PrefixTree::Node* node) {
  tree_.leave(s.node);
  s.node = node;
  tree_.enter(node);
}

std::span<const int32_t> KvCache::next_block(const CachedTokens& s) const {
  const auto begin = static_cast<size_t>(s.shared_blocks) * kKvBlock;
  if (begin + kKvBlock > s.tokens.size()) return {};
  return std::span(s.tokens).subspan(begin, kKvBlock);
}

// How many blocks of the path can be taken: the last ones must still have what each window sees from behind them.
int64_t KvCache::usable(const CachedTokens& s, const std::vector<PrefixTree::Node*>& path) const {
  for (auto count = std::ssize(path); count > 0; --count) {
    const int64_t end = (s.shared_blocks + count) * kKvBlock;
    bool complete = true;
    for (size_t g = 0; g < pool_.layout().groups.size() && complete; ++g) {
      const int window = pool_.layout().groups[g].window;
      const int64_t first = window == 0 ? 0 : first_seen_block(end, window);
      for (int64_t b = std::max(first, s.shared_blocks); b < s.shared_blocks + count && complete; ++b)
        complete = path[static_cast<size_t>(b - s.shared_blocks)]->blocks[g] != PrefixTree::kNoBlock;
    }
    if (complete) return count;
  }
  return 0;
}

int64_t KvCache::attach(CachedTokens& s) {
  if (!sharing_ || s.computed != s.shared_blocks * kKvBlock) return 0;
  std::vector<PrefixTree::Node*> path;
  PrefixTree::Node* node = s.node;
  const auto size = std::ssize(s.tokens);
  while ((s.shared_blocks + std::ssize(path) + 1) * kKvBlock < size) {
    const auto at = static_cast<size_t>(s.shared_blocks + std::ssize(path)) * kKvBlock;
    node = tree_.child(node, std::span(s.tokens).subspan(at, kKvBlock));
    if (node == nullptr) break;
    path.push_back(node);
  }
  const int64_t count = usable(s, path);
  if (count == 0) return 0;
  const int64_t end = (s.shared_blocks + count) * kKvBlock;
  for (size_t g = 0; g < s.blocks.size(); ++g) {
    // Blocks that were reserved behind `computed` but never filled make room for the shared ones.
    for (; std::ssize(s.blocks[g]) > s.shared_blocks; s.blocks[g].pop_back())
      if (s.blocks[g].back() != PrefixTree::kNoBlock) pool_.release(static_cast<int>(g), s.blocks[g].back());
    const int window = pool_.layout().groups[g].window;
    const int64_t first = window == 0 ? 0 : first_seen_block(end, window);
    for (int64_t i = 0; i < count; ++i) {
      const int32_t block = s.shared_blocks + i < first ? PrefixTree::kNoBlock : path[static_cast<size_t>(i)]->blocks[g];
      if (block != PrefixTree::kNoBlock) pool_.retain(static_cast<int>(g), block);
      s.blocks[g].push_back(block);
    }
  }
  s.shared_blocks += count;
  s.computed = end;
  stand_on(s, path[static_cast<size_t>(count) - 1]);
  tree_.touch(s.node);
  free_passed(s);
  return count * kKvBlock;
}

bool KvCache::same_next_block(const CachedTokens& s, const CachedTokens& other) const {
  if (!sharing_ || s.node != other.node || s.computed != s.shared_blocks * kKvBlock) return false;
  const auto mine = next_block(s), theirs = next_block(other);
  const bool leaves_a_token = (s.shared_blocks + 1) * kKvBlock < std::ssize(s.tokens);
  return leaves_a_token && !theirs.empty() && std::ranges::equal(mine, theirs);
}

std::optional<int32_t> KvCache::take_block(int group) {
  for (;;) {
    if (const auto block = pool_.allocate(group)) return block;
    if (!tree_.evict_one()) return std::nullopt;
  }
}

bool KvCache::reserve(CachedTokens& s, int64_t upto) {
  const int64_t wanted = (upto + kKvBlock - 1) / kKvBlock;
  for (size_t g = 0; g < s.blocks.size(); ++g) {
    while (std::ssize(s.blocks[g]) < wanted) {
      const auto block = take_block(static_cast<int>(g));
      if (!block) return false;
      s.blocks[g].push_back(*block);
    }
  }
  return true;
}

// Puts the next full block into the tree. If another sequence was first, its blocks are as good bit for bit: ours are freed.
void KvCache::share_next(CachedTokens& s) {
  std::vector<int32_t> ids;
  ids.reserve(s.blocks.size());
  for (const auto& blocks : s.blocks) ids.push_back(blocks[static_cast<size_t>(s.shared_blocks)]);
  PrefixTree::Node* node = tree_.insert(s.node, next_block(s), ids);
  for (size_t g = 0; g < ids.size(); ++g) {
    const int32_t known = node->blocks[g];
    if (known == ids[g] || ids[g] == PrefixTree::kNoBlock || known == PrefixTree::kNoBlock) continue;
    pool_.retain(static_cast<int>(g), known);
    pool_.release(static_cast<int>(g), ids[g]);
    s.blocks[g][static_cast<size_t>(s.shared_blocks)] = known;
  }
  ++s.shared_blocks;
  stand_on(s, node);
}

void KvCache::advance(CachedTokens& s, int64_t count) {
  s.computed += count;
  if (sharing_) {
    const int64_t before = s.shared_blocks;
    while ((s.shared_blocks + 1) * kKvBlock <= s.computed) share_next(s);
    if (s.shared_blocks != before) tree_.touch(s.node);
  }
  free_passed(s);
}

void KvCache::free_passed(CachedTokens& s) {
  for (size_t g = 0; g < s.blocks.size(); ++g) {
    const int window = pool_.layout().groups[g].window;
    if (window == 0) continue;
    const int64_t first = first_seen_block(s.computed, window);
    for (int64_t& b = s.passed_blocks[g]; b < first; ++b) {
      int32_t& block = s.blocks[g][static_cast<size_t>(b)];
      if (block != PrefixTree::kNoBlock) pool_.release(static_cast<int>(g), block);
      block = PrefixTree::kNoBlock;
    }
  }
}

}  // namespace ondol
