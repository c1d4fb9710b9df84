// Which blocks a sequence has: taken from the prefix cache, reserved for the next step, shared once computed, freed behind a window.
//
// Owner: the core; one thread. It joins the pool (memory) and the tree (what is known); both are bounded by the pool's budget.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/kv_pool.h"
#include "engine/prefix_tree.h"

namespace ondol {

// A sequence as the cache sees it.
struct CachedTokens {
  std::vector<int32_t> tokens;               // prompt, then what was drawn
  int64_t computed = 0;                      // tokens whose KV is in the cache
  std::vector<std::vector<int32_t>> blocks;  // by group; PrefixTree::kNoBlock where a window has passed
  std::vector<int64_t> passed_blocks;        // by group; blocks [0, this) were given up because the window has passed them
  PrefixTree::Node* node = nullptr;          // the deepest node of the tree that this sequence stands on
  int64_t shared_blocks = 0;                 // its depth: blocks [0, shared_blocks) are in the tree

  int64_t pending() const { return static_cast<int64_t>(tokens.size()) - computed; }
};

class KvCache {
 public:
  // `sharing` false: no prefix cache; every sequence computes all of its tokens.
  KvCache(const KvLayout& layout, uint64_t budget_bytes, bool huge_pages, bool sharing);

  void enter(CachedTokens& s);    // before anything else
  void release(CachedTokens& s);  // gives everything up; `enter` starts again

  // Takes over what the tree has of the sequence's next tokens, but never the last token: its logits are wanted. Returns the tokens gained.
  int64_t attach(CachedTokens& s);

  // Whether `other` will compute exactly the block that `s` needs next, so that `s` had better wait and share it.
  bool same_next_block(const CachedTokens& s, const CachedTokens& other) const;

  // Blocks for positions up to `upto`, evicting from the tree as needed; false when nothing is left to evict.
  bool reserve(CachedTokens& s, int64_t upto);

  // After `count` more tokens were computed: puts full blocks into the tree, frees what windows have passed.
  void advance(CachedTokens& s, int64_t count);

  KvPool& pool() { return pool_; }
  const KvPool& pool() const { return pool_; }
  uint64_t nodes() const { return tree_.nodes(); }

 private:
  std::optional<int32_t> take_block(int group);
  int64_t usable(const CachedTokens& s, const std::vector<PrefixTree::Node*>& path) const;
  void share_next(CachedTokens& s);
  void free_passed(CachedTokens& s);
  void stand_on(CachedTokens& s, PrefixTree::Node* node);
  std::span<const int32_t> next_block(const CachedTokens& s) const;

  KvPool pool_;
  PrefixTree tree_;
  bool sharing_;
};

}  // namespace ondol
