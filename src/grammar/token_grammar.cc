#include "grammar/token_grammar.h"

#include <utility>

namespace ondol {

TokenGrammar::TokenGrammar(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie, size_t max_cache_bytes)
    : grammar_(std::move(grammar)),
      trie_(std::move(trie)),
      max_cache_bytes_(max_cache_bytes),
      cache_(std::make_shared<Cache>(grammar_->automaton())) {}

size_t TokenGrammar::bytes_of(const Cache& cache) const {
  return cache.states.bytes() + cache.masks.size() * trie_->mask_words() * sizeof(uint64_t);
}

size_t TokenGrammar::cache_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_of(*cache_);
}

void TokenGrammar::enter(Place& place) {
  if (bytes_of(*cache_) > max_cache_bytes_) {
    // Matchers that stand in the old one bring their place over when they are next used; for that the transitions and masks are not needed.
    cache_->masks.clear();
    cache_->states.drop_transitions();
    cache_ = std::make_shared<Cache>(grammar_->automaton());
  }
  if (place.cache == cache_) return;
  place.state = cache_->states.bring(place.cache->states, place.state);
  place.cache = cache_;
}

TokenGrammar::Place TokenGrammar::begin() {
  const std::lock_guard lock(mutex_);
  return {cache_, cache_->states.start()};
}

TokenGrammar::Place TokenGrammar::advance(Place place, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  enter(place);
  for (const char c : bytes) {
    place.state = place.cache->states.step(place.state, static_cast<uint8_t>(c));
    if (place.state == ParseStates::kDead) break;
  }
  return place;
}

TokenGrammar::Mask TokenGrammar::mask(Place& place) {
  const std::lock_guard lock(mutex_);
  enter(place);
  Mask& mask = place.cache->masks[place.state];
  if (!mask) mask = std::make_shared<const std::vector<uint64_t>>(make_mask(place.cache->states, place.state));
  return mask;
}

TokenGrammar::Facts TokenGrammar::facts(Place& place) {
  const std::lock_guard lock(mutex_);
  enter(place);
  const ParseStates& states = place.cache->states;
  const bool complete = states.complete(place.state);
  return {.complete = complete, .must_end = complete && !states.has_next(place.state)};
}

std::string TokenGrammar::forced(Place& place, size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  enter(place);
  ParseStates& states = place.cache->states;
  std::string out;
  for (StateId state = place.state; out.size() < max_bytes && !states.complete(state);) {
    const int byte = states.only_byte(state);
    if (byte < 0) break;
    state = states.step(state, static_cast<uint8_t>(byte));
    if (state == ParseStates::kDead) break;
    out += static_cast<char>(byte);
  }
  return out;
}

std::vector<uint64_t> TokenGrammar::make_mask(ParseStates& states, StateId state) const {
  std::vector<uint64_t> out;
  if (states.plain(state)) {
    out.assign(trie_->plain_mask().begin(), trie_->plain_mask().end());
    walk(states, state, trie_->not_plain(), out);
  } else {
    out.assign(trie_->mask_words(), 0);
    walk(states, state, trie_->all(), out);
  }
  if (states.complete(state)) {
    for (const int32_t id : trie_->end_ids()) out[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }
  return out;
}

void TokenGrammar::walk(ParseStates& states, StateId state, std::span<const TokenTrie::Node> nodes, std::vector<uint64_t>& out) const {
  std::vector<StateId> path = {state};  // by depth
  const auto allow = [&](int32_t id) { out[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); };
  size_t work = 0;
  for (size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    if (path.size() <= node.depth) path.resize(node.depth + 1U);
    const StateId to = states.step(path[node.depth - 1U], node.byte);
    work += states.positions(to);
    if (to == ParseStates::kDead) {
      i = node.end;
      continue;
    }
    path[node.depth] = to;
    if (node.token >= 0) {
      allow(node.token);
      if (node.twins) {
        for (const int32_t id : trie_->twins(node.token)) allow(id);
      }
    }
    // Work is counted whether or not the states were known, so that the mask does not depend on what was asked before.
    i = work > kMaxMaskWork ? node.end : i + 1;
  }
}

}  // namespace ondol
