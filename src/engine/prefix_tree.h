// The prefix cache: a radix tree over blocks of kKvBlock tokens. A node is one block of tokens that follows its parent's; it keeps a
// reference to the KV blocks (one per group of layers) computed for them. A prompt that starts with a path of the tree starts with its KV.
// Blocks enter as soon as they are computed, so a prompt shares also with others still being read.
//
// Owner: the engine's step thread, alone. Bounded by the KV pool's budget: the pool asks for eviction, least recently used leaves first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "engine/kv_pool.h"

namespace ondol {

class PrefixTree {
 public:
  static constexpr int32_t kNoBlock = -1;

  struct Node {
    Node* parent = nullptr;
    std::vector<int32_t> tokens;  // kKvBlock of them; none in the root
    std::vector<int32_t> blocks;  // by group; kNoBlock where a window's block was given up
    int64_t last_use = 0;
    int users = 0;  // sequences that stand on this node: it must not go while they may add children
    std::map<std::vector<int32_t>, std::unique_ptr<Node>> children;
  };

  explicit PrefixTree(KvPool& pool);
  ~PrefixTree();

  Node* root() { return &root_; }
  // The child of `node` for exactly these kKvBlock tokens, or null.
  Node* child(Node* node, std::span<const int32_t> tokens);

  // Adds a block. If the child exists it is returned, and takes over blocks that it lacks; then the caller may share its blocks instead of
  // its own: equal tokens after equal tokens have bit-identical KV.
  Node* insert(Node* node, std::span<const int32_t> tokens, std::span<const int32_t> blocks);

  void touch(Node* node);  // marks the path to the root as used now
  void enter(Node* node) { ++node->users; }
  void leave(Node* node) { --node->users; }

  // Frees the least recently used block that only the tree holds; false when there is none.
  bool evict_one();
  uint64_t nodes() const { return nodes_; }

 private:
  bool evictable(const Node& node) const;
  bool shed_window_block();
  void remove(Node* node);

  KvPool& pool_;
  Node root_;
  int64_t tick_ = 0;
  uint64_t nodes_ = 0;
  std::set<std::pair<int64_t, Node*>> leaves_;  // by last use
};

}  // namespace ondol
