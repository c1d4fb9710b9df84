#include "grammar/parse_states.h"

#include <algorithm>

namespace ondol {
namespace {

uint64_t key_of(NodeId node, uint32_t stack) { return uint64_t{stack} << 32 | node; }

}  // namespace

ParseStates::ParseStates(const Automaton& automaton) : automaton_(&automaton), seen_(64), seen_round_(64) {
  stacks_.push_back({0, kNoStack, 0});
  states_.push_back({0, 0, kNoRow, false, false, 0});
  ++round_;
  visit(automaton.start, kNoStack);
  close();
  start_ = intern();
}

// A node stands only where its rule can still end within the depth that is left; so every position has a way to the end.
bool ParseStates::reachable(NodeId node, uint32_t stack) const {
  const uint8_t need = automaton_->need[node];
  return need != Automaton::kNever && stacks_[stack].depth + need <= static_cast<uint32_t>(automaton_->max_depth);
}

uint32_t ParseStates::push(NodeId back, uint32_t below, uint32_t nests) {
  const uint32_t depth = stacks_[below].depth + nests;
  const auto hash = [](NodeId node, uint32_t stack, uint32_t deep) { return mix_bits(key_of(node, stack) * 31 + deep); };
  return stack_ids_.find_or_add(
      hash(back, below, depth),
      [&](uint32_t id) { return stacks_[id].back == back && stacks_[id].below == below && stacks_[id].depth == depth; },
      [&] {
        stacks_.push_back({back, below, depth});
        return static_cast<uint32_t>(stacks_.size() - 1);
      },
      [&](uint32_t id) { return hash(stacks_[id].back, stacks_[id].below, stacks_[id].depth); });
}

void ParseStates::visit(NodeId node, uint32_t stack) {
  if (!reachable(node, stack)) return;
  if (3 * (seen_count_ + 1) > 2 * seen_.size()) {
    std::vector<uint64_t> old_keys = std::move(seen_);
    std::vector<uint32_t> old_rounds = std::move(seen_round_);
    seen_.assign(2 * old_keys.size(), 0);
    seen_round_.assign(2 * old_keys.size(), 0);
    for (size_t i = 0; i < old_keys.size(); ++i) {
      if (old_rounds[i] != round_) continue;
      size_t at = mix_bits(old_keys[i]) & (seen_.size() - 1);
      while (seen_round_[at] == round_) at = (at + 1) & (seen_.size() - 1);
      seen_[at] = old_keys[i];
      seen_round_[at] = round_;
    }
  }
  const uint64_t key = key_of(node, stack);
  size_t at = mix_bits(key) & (seen_.size() - 1);
  while (seen_round_[at] == round_) {
    if (seen_[at] == key) return;
    at = (at + 1) & (seen_.size() - 1);
  }
  seen_[at] = key;
  seen_round_[at] = round_;
  ++seen_count_;
  work_.push_back({node, stack});
}

// Follows what costs no byte: free edges, calls, and returns.
void ParseStates::close() {
  while (!work_.empty() && result_.size() < kMaxPositions && seen_count_ < 16 * kMaxPositions) {
    const auto [node, stack] = work_.back();
    work_.pop_back();
    const uint8_t flags = automaton_->flags[node];
    if ((flags & Automaton::kPlain) != 0) plain_ = true;
    if ((flags & Automaton::kExit) != 0) {
      if (stack == kNoStack) {
        complete_ = true;
      } else {
        visit(stacks_[stack].back, stacks_[stack].below);
      }
    }
    for (const NodeId to : automaton_->frees(node)) visit(to, stack);
    for (const Automaton::CallEdge& call : automaton_->calls(node)) {
      if (reachable(call.back, stack)) visit(call.entry, push(call.back, stack, call.nests));
    }
    if (!automaton_->bytes(node).empty()) result_.push_back({node, stack});
  }
  work_.clear();
}

StateId ParseStates::intern() {
  seen_count_ = 0;
  const bool complete = std::exchange(complete_, false);
  const bool plain = std::exchange(plain_, false);
  if (result_.empty() && !complete) return kDead;
  std::sort(result_.begin(), result_.end());
  uint64_t hash = complete ? 1 : 2;
  for (const Position& position : result_) hash = mix_bits(hash * 0x9E3779B97F4A7C15 + key_of(position.node, position.stack) + 1);
  const StateId id = state_ids_.find_or_add(
      hash, [&](StateId known) { return states_[known].complete == complete && std::ranges::equal(at(known), result_); },
      [&] {
        states_.push_back({static_cast<uint32_t>(positions_.size()), static_cast<uint32_t>(result_.size()), kNoRow, complete, plain, hash});
        positions_.insert(positions_.end(), result_.begin(), result_.end());
        return static_cast<StateId>(states_.size() - 1);
      },
      [&](StateId known) { return states_[known].hash; });
  result_.clear();
  return id;
}

StateId ParseStates::first_step(StateId state, uint8_t cls) {
  if (states_[state].count == 0) return kDead;
  if (states_[state].row == kNoRow) {
    states_[state].row = static_cast<uint32_t>(table_.size());
    table_.resize(table_.size() + automaton_->class_byte.size(), kUnknown);
  }
  const uint8_t byte = automaton_->class_byte[cls];
  ++round_;
  for (const Position& position : at(state)) {
    for (const Automaton::ByteEdge& edge : automaton_->bytes(position.node)) {
      if (byte >= edge.lo && byte <= edge.hi) visit(edge.to, position.stack);
    }
  }
  std::reverse(work_.begin(), work_.end());  // the first alternatives come first, and stay if there are too many
  close();
  const StateId to = intern();
  table_[states_[state].row + cls] = to;
  return to;
}

int ParseStates::only_byte(StateId state) const {
  int only = -1;
  for (const Position& position : at(state)) {
    for (const Automaton::ByteEdge& edge : automaton_->bytes(position.node)) {
      if (!reachable(edge.to, position.stack)) continue;
      if (edge.lo != edge.hi || (only >= 0 && only != edge.lo)) return -1;
      only = edge.lo;
    }
  }
  return only;
}

bool ParseStates::has_next(StateId state) const {
  for (const Position& position : at(state)) {
    for (const Automaton::ByteEdge& edge : automaton_->bytes(position.node)) {
      if (reachable(edge.to, position.stack)) return true;
    }
  }
  return false;
}

StateId ParseStates::bring(const ParseStates& from, StateId state) {
  if (state == kDead) return kDead;
  std::vector<uint32_t> chain;
  ++round_;
  for (const Position& position : from.at(state)) {
    chain.clear();
    for (uint32_t stack = position.stack; stack != kNoStack; stack = from.stacks_[stack].below) chain.push_back(stack);
    uint32_t here = kNoStack;
    for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
      const Stack& stack = from.stacks_[*it];
      here = push(stack.back, here, stack.depth - from.stacks_[stack.below].depth);
    }
    result_.push_back({position.node, here});
  }
  complete_ = from.states_[state].complete;
  plain_ = from.states_[state].plain;
  return intern();
}

size_t ParseStates::bytes() const {
  return stacks_.size() * sizeof(Stack) + states_.size() * sizeof(State) + positions_.size() * sizeof(Position) +
         table_.size() * sizeof(StateId) + stack_ids_.bytes() + state_ids_.bytes();
}

void ParseStates::drop_transitions() {
  table_ = {};
  for (State& state : states_) state.row = kNoRow;
}

}  // namespace ondol
