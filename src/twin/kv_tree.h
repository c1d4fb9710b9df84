// What a twin's prefix cache holds: a radix tree over token ids. It has no KV, only says how many tokens of it are there and whose.
//
// Owner: one Batcher; no locking. Bounded: the Batcher evicts before it adds, so that `tokens` stays within its KV.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

namespace ondol {

class KvTree {
 public:
  struct Node {
    Node* parent = nullptr;
    int64_t start = 0;                                       // tokens from the root to the beginning of its own
    std::vector<int32_t> ids = {};                           // its own, at least one; none in the root
    std::map<int32_t, std::unique_ptr<Node>> children = {};  // by their first id
    int pins = 0;                                            // of it and of what lies behind it
    int64_t last_use = 0;
    int64_t end() const { return start + static_cast<int64_t>(ids.size()); }
  };

  // `block`: what is found and evicted is whole blocks of so many tokens; 1 = any length.
  explicit KvTree(int64_t block) : block_(block) {}
  ~KvTree();
  KvTree(const KvTree&) = delete;
  KvTree& operator=(const KvTree&) = delete;

  Node* root() { return &root_; }
  // The longest beginning of `ids` that is there, in whole blocks: the node that ends with it.
  Node* match(std::span<const int32_t> ids);
  // Adds `ids` behind `node` (shares what is there already); the node that ends with them.
  Node* extend(Node* node, std::span<const int32_t> ids);

  // A pinned node and those before it stay.
  void pin(Node* node);
  void unpin(Node* node);

  // Frees at least `tokens`, or all that is not pinned: from the tails of the least recently unpinned leaves.
  void evict(int64_t tokens);

  int64_t tokens() const { return tokens_; }
  int64_t pinned() const { return pinned_; }  // of them, how many must stay

 private:
  bool evictable(const Node& node) const { return node.parent != nullptr && node.children.empty() && node.pins == 0; }
  Node* split(Node* node, int64_t length);
  void cut(Node* node, int64_t tokens);

  int64_t block_;
  Node root_;
  int64_t tick_ = 0;
  int64_t tokens_ = 0, pinned_ = 0;
  std::set<std::pair<int64_t, Node*>> leaves_;  // the evictable ones, by last use
};

}  // namespace ondol
