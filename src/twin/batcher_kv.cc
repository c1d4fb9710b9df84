// The batcher's KV: who holds how much, who is let in, who is put back.
#include <algorithm>

#include "twin/batcher.h"

namespace ondol {

int64_t Batcher::whole_blocks(int64_t tokens) const { return (tokens + options_.kv_block - 1) / options_.kv_block * options_.kv_block; }

// Without what only the prefix cache holds, which goes when it is needed.
int64_t Batcher::free_tokens() const { return options_.kv_tokens - held_ - tree_->pinned(); }

void Batcher::hold(Sequence& sequence, int64_t tokens) {
  held_ += tokens - sequence.held;
  sequence.held = tokens;
}

// Holds `tokens` besides what the sequence has in the tree; false if there are not as many.
bool Batcher::take(Sequence& sequence, int64_t tokens) {
  const int64_t more = tokens - sequence.held;
  if (more <= 0) return true;
  if (more > free_tokens()) return false;
  tree_->evict(more - (options_.kv_tokens - held_ - tree_->tokens()));
  hold(sequence, tokens);
  return true;
}

// Moves what it has computed, as far as its ids are known, into the tree: the next prompt that begins so finds it from now on.
void Batcher::share(Sequence& sequence) {
  const std::vector<int32_t>& ids = sequence.request.ids;
  const int64_t end = std::min(sequence.computed, static_cast<int64_t>(ids.size())) / options_.kv_block * options_.kv_block;
  const int64_t begin = sequence.node->end();
  if (!options_.prefix_cache || end <= begin) return;
  // Its own tokens leave its hands first: then the tree has room for them.
  hold(sequence, sequence.held - (end - begin));
  KvTree::Node* const node =
      tree_->extend(sequence.node, std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  tree_->pin(node);
  tree_->unpin(sequence.node);
  sequence.node = node;
}

void Batcher::release(Sequence& sequence) {
  hold(sequence, 0);
  if (sequence.running) tree_->unpin(sequence.node);
  sequence.node = tree_->root();
  sequence.computed = 0;
  sequence.running = false;
}

void Batcher::forget(Sequence& sequence) {
  if (sequence.running) {
    std::erase(running_, &sequence);
  } else {
    waiting_.erase(sequence.order);
  }
  release(sequence);
  sequences_.erase(sequence.request.id);
}

// vLLM: KV for `tokens` more of a running sequence; the youngest are put back until there is room. False if it was itself put back.
bool Batcher::make_room(Sequence& sequence, int64_t tokens) {
  while (!take(sequence, whole_blocks(sequence.computed + tokens - sequence.node->end()))) {
    Sequence& youngest = *running_.back();
    running_.pop_back();
    release(youngest);
    waiting_.emplace(youngest.order, &youngest);
    ++totals_.preemptions;
    if (&youngest == &sequence) return false;
  }
  return true;
}

void Batcher::find_prefix(Sequence& sequence) {
  const std::vector<int32_t>& ids = sequence.request.ids;
  if (!options_.prefix_cache || ids.empty()) return;
  // One token at least is computed: it yields the next.
  const auto limit = static_cast<size_t>(std::min(static_cast<int64_t>(ids.size()), sequence.known() - 1));
  sequence.node = tree_->match(std::span(ids).first(limit));
}

// The first of the queue starts to run if there is a place and KV for it; `budget`: tokens that the step has left.
Batcher::Sequence* Batcher::admit(int64_t budget) {
  if (waiting_.empty() || static_cast<int>(running_.size()) >= options_.max_running) return nullptr;
  Sequence& sequence = *waiting_.begin()->second;
  if (sequence.order > visible_) return nullptr;
  find_prefix(sequence);
  tree_->pin(sequence.node);
  sequence.computed = sequence.node->end();
  const int64_t now = std::min(sequence.pending(), budget);
  const int64_t whole = sequence.request.prompt_tokens + sequence.request.max_tokens - sequence.computed;
  if (!take(sequence, options_.reserve_whole ? whole : whole_blocks(now))) {
    tree_->unpin(sequence.node);
    sequence.node = tree_->root();
    sequence.computed = 0;
    return nullptr;
  }
  if (!sequence.queried) {
    sequence.queried = true;
    sequence.cached = sequence.computed;
    totals_.cached_tokens += sequence.cached;
    if (options_.prefix_cache) totals_.prefix_queries += sequence.request.prompt_tokens;
    admitted_.push_back(sequence.request.id);
  }
  waiting_.erase(waiting_.begin());
  sequence.running = true;
  running_.push_back(&sequence);
  return &sequence;
}

}  // namespace ondol
