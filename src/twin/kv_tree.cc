#include "twin/kv_tree.h"

#include <algorithm>

namespace ondol {
namespace {

int64_t common_length(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto ends = std::ranges::mismatch(a, b);
  return ends.in1 - a.begin();
}

}  // namespace

KvTree::~KvTree() {
  // One after the other: a path may be longer than the stack is deep.
  std::vector<std::unique_ptr<Node>> rest;
  const auto take_children = [&rest](Node& node) {
    for (auto& child : node.children) rest.push_back(std::move(child.second));
    node.children.clear();
  };
  take_children(root_);
  while (!rest.empty()) {
    const std::unique_ptr<Node> node = std::move(rest.back());
    rest.pop_back();
    take_children(*node);
  }
}

KvTree::Node* KvTree::match(std::span<const int32_t> ids) {
  Node* node = &root_;
  size_t depth = 0;
  while (depth < ids.size()) {
    const auto child = node->children.find(ids[depth]);
    if (child == node->children.end()) break;
    node = child->second.get();
    depth += static_cast<size_t>(common_length(node->ids, ids.subspan(depth)));
    if (static_cast<int64_t>(depth) < node->end()) break;
  }
  const int64_t whole = static_cast<int64_t>(depth) / block_ * block_;
  while (node != &root_ && node->start >= whole) node = node->parent;
  return node == &root_ || node->end() == whole ? node : split(node, whole - node->start);
}

KvTree::Node* KvTree::extend(Node* node, std::span<const int32_t> ids) {
  while (!ids.empty()) {
    const auto found = node->children.find(ids[0]);
    if (found == node->children.end()) {
      if (evictable(*node)) leaves_.erase({node->last_use, node});
      auto child = std::make_unique<Node>(Node{node, node->end(), {ids.begin(), ids.end()}});
      child->last_use = ++tick_;
      tokens_ += static_cast<int64_t>(ids.size());
      Node* const added = child.get();
      node->children.emplace(ids[0], std::move(child));
      leaves_.emplace(added->last_use, added);
      return added;
    }
    Node* child = found->second.get();
    const int64_t length = common_length(child->ids, ids);
    node = length < static_cast<int64_t>(child->ids.size()) ? split(child, length) : child;
    ids = ids.subspan(static_cast<size_t>(length));
  }
  return node;
}

// Puts a node before `node` that takes the first `length` of its ids; `node` stays where its users' pointers are.
KvTree::Node* KvTree::split(Node* node, int64_t length) {
  auto& place = node->parent->children.at(node->ids[0]);
  const auto middle = node->ids.begin() + length;
  auto before = std::make_unique<Node>(Node{node->parent, node->start, {node->ids.begin(), middle}});
  before->pins = node->pins;
  before->last_use = node->last_use;
  node->ids.erase(node->ids.begin(), middle);
  node->start += length;
  node->parent = before.get();
  before->children.emplace(node->ids[0], std::move(place));
  place = std::move(before);
  return place.get();
}

void KvTree::pin(Node* node) {
  for (; node != nullptr; node = node->parent) {
    if (evictable(*node)) leaves_.erase({node->last_use, node});
    if (node->pins++ == 0) pinned_ += static_cast<int64_t>(node->ids.size());
  }
}

void KvTree::unpin(Node* node) {
  ++tick_;
  for (; node != nullptr; node = node->parent) {
    if (--node->pins > 0) continue;
    pinned_ -= static_cast<int64_t>(node->ids.size());
    node->last_use = tick_;
    if (evictable(*node)) leaves_.emplace(node->last_use, node);
  }
}

void KvTree::evict(int64_t tokens) {
  while (tokens > 0 && !leaves_.empty()) {
    Node* const leaf = leaves_.begin()->second;
    const int64_t end = std::max((leaf->end() - tokens) / block_ * block_, leaf->start);
    tokens -= leaf->end() - end;
    cut(leaf, leaf->end() - end);
  }
}

void KvTree::cut(Node* node, int64_t tokens) {
  tokens_ -= tokens;
  if (tokens < static_cast<int64_t>(node->ids.size())) {
    node->ids.resize(node->ids.size() - static_cast<size_t>(tokens));
    return;
  }
  leaves_.erase({node->last_use, node});
  Node* const parent = node->parent;
  parent->children.erase(node->ids[0]);
  if (evictable(*parent)) leaves_.emplace(parent->last_use, parent);
}

}  // namespace ondol
