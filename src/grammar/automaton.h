// The compiled form of a grammar: a pushdown automaton over bytes.
//
// Owner: the Grammar. Immutable once finished; any thread. Bounded by GrammarLimits::max_nodes.
//
// A rule is a nondeterministic automaton with one entry and one exit. An edge takes a byte of a range, nothing, or a whole text of another
// rule (a call). A position in a text is a node and the nodes to return to; grammar/parse_states.h walks them. Rules of arrays and objects
// nest: they count towards the depth of an answer, which makes the stack finite.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "grammar/limits.h"

namespace ondol {

using NodeId = uint32_t;
using RuleId = uint32_t;

struct Automaton {
  struct ByteEdge {
    uint8_t lo;
    uint8_t hi;  // inclusive
    NodeId to;
  };
  struct CallEdge {
    NodeId entry;   // of the rule
    NodeId back;    // where its exit continues
    uint8_t nests;  // 1: an array or object
  };
  static constexpr uint8_t kExit = 1;   // the end of a rule
  static constexpr uint8_t kPlain = 2;  // at least kPlainRun plain characters may follow, whatever they are (token_trie.h)
  static constexpr uint8_t kNever = 255;

  std::span<const ByteEdge> bytes(NodeId node) const { return {&byte_edges[byte_at[node]], byte_at[node + 1] - byte_at[node]}; }
  std::span<const NodeId> frees(NodeId node) const { return {&free_edges[free_at[node]], free_at[node + 1] - free_at[node]}; }
  std::span<const CallEdge> calls(NodeId node) const { return {&call_edges[call_at[node]], call_at[node + 1] - call_at[node]}; }

  std::vector<uint32_t> byte_at, free_at, call_at;  // by node, and one more
  std::vector<ByteEdge> byte_edges;
  std::vector<NodeId> free_edges;
  std::vector<CallEdge> call_edges;
  std::vector<uint8_t> flags;
  // The least number of arrays and objects that must still be opened inside one another to get from here to the rule's exit; kNever: there
  // is no way within the limit, so no position stands here.
  std::vector<uint8_t> need;
  NodeId start = 0;
  int max_depth = 0;
  std::array<uint8_t, 256> byte_class = {};  // bytes that no edge tells apart share a class
  std::vector<uint8_t> class_byte;           // one byte of each class
};

// Builds one. Owner: one compilation, one thread. Adding never fails; check() says when the limits are passed, and is to be asked in every
// loop over the source.
class AutomatonBuilder {
 public:
  explicit AutomatonBuilder(CompileBudget& budget) : budget_(&budget) {}

  CompileBudget& budget() { return *budget_; }

  NodeId node();
  RuleId rule(bool nests = false);
  NodeId entry(RuleId rule) const { return rules_[rule].entry; }
  NodeId exit(RuleId rule) const { return rules_[rule].exit; }

  void byte(NodeId from, uint8_t lo, uint8_t hi, NodeId to);
  void byte(NodeId from, char c, NodeId to) { byte(from, static_cast<uint8_t>(c), static_cast<uint8_t>(c), to); }
  void free(NodeId from, NodeId to) { edges_.push_back({from, to, 0, kFree, 0, 0}); }
  void call(NodeId from, RuleId rule, NodeId back) { edges_.push_back({from, back, rule, kCall, 0, 0}); }
  void literal(NodeId from, std::string_view bytes, NodeId to);
  // A new node after these bytes.
  NodeId after(NodeId from, std::string_view bytes);
  NodeId after(NodeId from, RuleId rule);
  void mark_plain(NodeId node) { flags_[node] |= Automaton::kPlain; }

  Status check();
  size_t nodes() const { return flags_.size(); }

  // Errors: kInvalidArgument if no text at all is a text of `start` within `max_depth`.
  Result<Automaton> finish(RuleId start, int max_depth);

 private:
  enum Kind : uint8_t { kByte, kFree, kCall };
  struct Edge {
    NodeId from;
    NodeId to;  // kCall: where to continue
    RuleId rule;
    Kind kind;
    uint8_t lo;
    uint8_t hi;
  };
  struct Rule {
    NodeId entry;
    NodeId exit;
    bool nests;
  };

  void lay_out(Automaton& out) const;
  void find_need(Automaton& out) const;

  CompileBudget* budget_;
  std::vector<uint8_t> flags_;
  std::vector<Edge> edges_;
  std::vector<Rule> rules_;
};

}  // namespace ondol
