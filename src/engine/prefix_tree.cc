#include "engine/prefix_tree.h"

namespace ondol {

PrefixTree::PrefixTree(KvPool& pool) : pool_(pool) {}

PrefixTree::~PrefixTree() {
  // Depth-first by hand: a long prompt makes a long chain, and recursive destruction would need stack for each block.
  while (!leaves_.empty()) remove(leaves_.begin()->second);
}

PrefixTree::Node* PrefixTree::child(Node* node, std::span<const int32_t> tokens) {
  const auto found = node->children.find(std::vector<int32_t>(tokens.begin(), tokens.end()));
  return found == node->children.end() ? nullptr : found->second.get();
}

PrefixTree::Node* PrefixTree::insert(Node* node, std::span<const int32_t> tokens, std::span<const int32_t> blocks) {
  Node* added = child(node, tokens);
  if (added == nullptr) {
    if (node != &root_ && node->children.empty()) leaves_.erase({node->last_use, node});
    auto fresh = std::make_unique<Node>();
    added = fresh.get();
    added->parent = node;
    added->tokens.assign(tokens.begin(), tokens.end());
    added->blocks.assign(blocks.size(), kNoBlock);
    added->last_use = ++tick_;
    leaves_.insert({added->last_use, added});
    node->children.emplace(added->tokens, std::move(fresh));
    ++nodes_;
  }
  for (size_t group = 0; group < blocks.size(); ++group) {
    if (added->blocks[group] != kNoBlock || blocks[group] == kNoBlock) continue;
    added->blocks[group] = blocks[group];
    pool_.retain(static_cast<int>(group), blocks[group]);
  }
  return added;
}

void PrefixTree::touch(Node* node) {
  ++tick_;
  for (; node != nullptr && node != &root_; node = node->parent) {
    const bool leaf = node->children.empty();
    if (leaf) leaves_.erase({node->last_use, node});
    node->last_use = tick_;
    if (leaf) leaves_.insert({node->last_use, node});
  }
}

bool PrefixTree::evictable(const Node& node) const {
  if (node.users > 0) return false;
  for (size_t group = 0; group < node.blocks.size(); ++group)
    if (node.blocks[group] != kNoBlock && pool_.references(static_cast<int>(group), node.blocks[group]) > 1) return false;
  return true;
}

void PrefixTree::remove(Node* node) {
  for (size_t group = 0; group < node->blocks.size(); ++group)
    if (node->blocks[group] != kNoBlock) pool_.release(static_cast<int>(group), node->blocks[group]);
  leaves_.erase({node->last_use, node});
  --nodes_;
  Node* parent = node->parent;
  parent->children.erase(parent->children.find(node->tokens));
  if (parent != &root_ && parent->children.empty()) leaves_.insert({parent->last_use, parent});
}

bool PrefixTree::evict_one() {
  for (const auto& [last_use, node] : leaves_) {
    if (!evictable(*node)) continue;
    remove(node);
    return true;
  }
  return shed_window_block();
}

// Under running sequences there may be blocks of window layers that they have left already: those can go alone.
bool PrefixTree::shed_window_block() {
  for (const auto& [last_use, leaf] : leaves_) {
    for (Node* node = leaf; node != &root_; node = node->parent) {
      for (size_t group = 0; group < node->blocks.size(); ++group) {
        int32_t& block = node->blocks[group];
        const bool windowed = pool_.layout().groups[group].window > 0;
        if (!windowed || block == kNoBlock || pool_.references(static_cast<int>(group), block) > 1) continue;
        pool_.release(static_cast<int>(group), block);
        block = kNoBlock;
        return true;
      }
    }
  }
  return false;
}

}  // namespace ondol
