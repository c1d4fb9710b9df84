// Where a text can stand in a grammar, made deterministic as far as texts have gone.
//
// Owner: a TokenGrammar's cache, which also guards it: one thread at a time. Bounded by the owner, who looks at bytes() and starts afresh.
//
// A position is a node and a stack of nodes to return to; stacks are interned, so equal ones have equal ids. A state is the set of
// positions that one text can stand at; states are interned too, and their transitions are filled in when first taken. So walking a known
// text costs one table look-up a byte.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/id_table.h"

namespace ondol {

using StateId = uint32_t;

class ParseStates {
 public:
  static constexpr StateId kDead = 0;
  static constexpr size_t kMaxPositions = 4096;  // of one state; a grammar more ambiguous than that loses the last alternatives

  // The automaton outlives this.
  explicit ParseStates(const Automaton& automaton);

  StateId start() const { return start_; }
  StateId step(StateId state, uint8_t byte) {
    const uint32_t row = states_[state].row;
    const uint8_t cls = automaton_->byte_class[byte];
    if (row != kNoRow) {
      const StateId to = table_[row + cls];
      if (to != kUnknown) return to;
    }
    return first_step(state, cls);
  }

  bool complete(StateId state) const { return states_[state].complete; }
  // Any kPlainRun plain characters may follow.
  bool plain(StateId state) const { return states_[state].plain; }
  size_t positions(StateId state) const { return states_[state].count; }
  // The only byte that may follow; -1 if there is none, or more than one.
  int only_byte(StateId state) const;
  bool has_next(StateId state) const;

  // The same position in another cache of the same automaton.
  StateId bring(const ParseStates& from, StateId state);

  size_t bytes() const;
  // Forgets the transitions, and keeps what bring() needs.
  void drop_transitions();

 private:
  static constexpr uint32_t kNoRow = 0xFFFFFFFF;
  static constexpr StateId kUnknown = 0xFFFFFFFF;
  static constexpr uint32_t kNoStack = 0;

  struct Position {
    NodeId node;
    uint32_t stack;
    auto operator<=>(const Position&) const = default;
  };
  struct Stack {
    NodeId back;
    uint32_t below;
    uint32_t depth;  // arrays and objects open
  };
  struct State {
    uint32_t first;  // in positions_
    uint32_t count;
    uint32_t row;  // in table_
    bool complete;
    bool plain;
    uint64_t hash;
  };

  StateId first_step(StateId state, uint8_t cls);
  uint32_t push(NodeId back, uint32_t below, uint32_t nests);
  bool reachable(NodeId node, uint32_t stack) const;
  void visit(NodeId node, uint32_t stack);
  void close();
  StateId intern();
  std::span<const Position> at(StateId state) const { return {positions_.data() + states_[state].first, states_[state].count}; }

  const Automaton* automaton_;
  std::vector<Stack> stacks_;  // [kNoStack]: the end of the grammar
  std::vector<State> states_;  // [kDead]: no position
  std::vector<Position> positions_;
  std::vector<StateId> table_;
  IdTable stack_ids_;
  IdTable state_ids_;
  StateId start_ = kDead;

  // Scratch of one step: what is still to be looked at, what has been, and what stays.
  std::vector<Position> work_;
  std::vector<Position> result_;
  std::vector<uint64_t> seen_;  // open addressing; a slot holds the round in front of nothing it did not see
  std::vector<uint32_t> seen_round_;
  size_t seen_count_ = 0;
  uint32_t round_ = 0;
  bool complete_ = false;
  bool plain_ = false;
};

}  // namespace ondol
