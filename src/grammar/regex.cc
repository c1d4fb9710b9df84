#include "grammar/regex.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace ondol {
namespace {

constexpr size_t kMaxNfaNodes = 50'000;
constexpr size_t kMaxTable = 8 << 20;         // entries of the transition table
constexpr size_t kMaxSubsetNodes = 16 << 20;  // of all subsets together

// Thompson's construction. An edge without a set costs no character; it may demand to stand at the beginning or the end of the text.
class RegexNfa {
 public:
  enum class Kind : uint8_t { kFree, kBegin, kEnd, kChars };
  struct Edge {
    Kind kind;
    uint32_t set;
    uint32_t to;
  };

  RegexNfa(const RegexTree& tree, CompileBudget& budget) : tree_(tree), budget_(budget) {}

  Status build(RegexUse use, uint32_t any_set) {
    start = node();
    const uint32_t first = use == RegexUse::kSearch ? node() : start;
    ONDOL_TRY(last_node, add(tree_.root, first));
    if (use == RegexUse::kSearch) {
      edges[start].push_back({Kind::kChars, any_set, start});
      edges[start].push_back({Kind::kFree, 0, first});
      edges[last_node].push_back({Kind::kChars, any_set, last_node});
    }
    return {};
  }

  std::vector<std::vector<Edge>> edges;
  uint32_t start = 0;
  uint32_t last_node = 0;  // where the whole pattern has matched

 private:
  uint32_t node() {
    edges.emplace_back();
    return static_cast<uint32_t>(edges.size() - 1);
  }
  uint32_t step(uint32_t from, Kind kind, uint32_t set = 0) {
    const uint32_t to = node();
    edges[from].push_back({kind, set, to});
    return to;
  }

  // Appends a tree node's language after `from`; gives the node where it ends.
  Result<uint32_t> add(uint32_t id, uint32_t from) {
    ONDOL_TRY_STATUS(budget_.check_time());
    if (edges.size() > kMaxNfaNodes) return fail(Code::kInvalidArgument, "the pattern is too large with its repetitions written out");
    const RegexTree::Node& tree = tree_.nodes[id];
    switch (tree.kind) {
      case RegexTree::Kind::kEmpty: return from;
      case RegexTree::Kind::kChars: return step(from, Kind::kChars, tree.set);
      case RegexTree::Kind::kBegin: return step(from, Kind::kBegin);
      case RegexTree::Kind::kEnd: return step(from, Kind::kEnd);
      case RegexTree::Kind::kConcat:
        for (const uint32_t child : tree.children) {
          ONDOL_TRY(from, add(child, from));
        }
        return from;
      case RegexTree::Kind::kChoice: {
        const uint32_t end = node();
        for (const uint32_t child : tree.children) {
          ONDOL_TRY(const uint32_t last, add(child, step(from, Kind::kFree)));
          edges[last].push_back({Kind::kFree, 0, end});
        }
        return end;
      }
      case RegexTree::Kind::kRepeat: break;
    }
    return repeat(tree, from);
  }

  Result<uint32_t> repeat(const RegexTree::Node& tree, uint32_t from) {
    for (uint32_t i = 0; i < tree.min; ++i) {
      ONDOL_TRY(from, add(tree.children[0], from));
    }
    if (tree.max == RegexTree::kUnbounded) {
      const uint32_t loop = step(from, Kind::kFree);
      ONDOL_TRY(const uint32_t last, add(tree.children[0], loop));
      edges[last].push_back({Kind::kFree, 0, loop});
      return step(loop, Kind::kFree);
    }
    const uint32_t end = node();
    for (uint32_t i = tree.min; i < tree.max; ++i) {
      edges[from].push_back({Kind::kFree, 0, end});
      ONDOL_TRY(from, add(tree.children[0], step(from, Kind::kFree)));
    }
    edges[from].push_back({Kind::kFree, 0, end});
    return end;
  }

  const RegexTree& tree_;
  CompileBudget& budget_;
};

class Determinizer {
 public:
  Determinizer(const RegexNfa& nfa, const CharPartition& partition, CompileBudget& budget)
      : nfa_(nfa), partition_(partition), budget_(budget), seen_(nfa.edges.size(), 0) {}

  Result<CharDfa> run() {
    out_.classes = partition_.classes;
    state_of(closure({nfa_.start}, true, false), accepts({nfa_.start}, true));
    std::vector<std::vector<uint32_t>> targets(out_.classes.size());
    for (size_t done = 0; done < subsets_.size(); ++done) {
      for (auto& list : targets) list.clear();
      for (const uint32_t node : *subsets_[done]) {
        for (const RegexNfa::Edge& edge : nfa_.edges[node]) {
          if (edge.kind != RegexNfa::Kind::kChars) continue;
          for (const uint32_t c : partition_.members[edge.set]) targets[c].push_back(edge.to);
        }
        ONDOL_TRY_STATUS(budget_.check_time());
      }
      for (size_t c = 0; c < targets.size(); ++c) {
        if (targets[c].empty()) continue;
        ONDOL_TRY_STATUS(budget_.check_time());
        const uint32_t to = state_of(closure(targets[c], false, false), accepts(targets[c], false));
        out_.at(done, c) = to;
      }
      if (out_.states() > budget_.limits().max_dfa_states || out_.next.size() > kMaxTable || subset_nodes_ > kMaxSubsetNodes) {
        return fail(Code::kInvalidArgument, "the pattern needs more than " + std::to_string(budget_.limits().max_dfa_states) +
                                                " states; simplify it or lower its counts");
      }
    }
    return dfa_trim(out_);
  }

 private:
  // What can be reached without a character, sorted. Edges that demand the beginning or the end are taken if that is where we are.
  std::vector<uint32_t> closure(std::vector<uint32_t> work, bool at_begin, bool at_end) {
    ++round_;
    std::vector<uint32_t> out;
    const auto visit = [&](uint32_t node) {
      if (seen_[node] == round_) return false;
      seen_[node] = round_;
      out.push_back(node);
      return true;
    };
    std::erase_if(work, [&](uint32_t node) { return !visit(node); });
    while (!work.empty()) {
      const uint32_t node = work.back();
      work.pop_back();
      for (const RegexNfa::Edge& edge : nfa_.edges[node]) {
        if (edge.kind == RegexNfa::Kind::kChars) continue;
        if (edge.kind == RegexNfa::Kind::kBegin && !at_begin) continue;
        if (edge.kind == RegexNfa::Kind::kEnd && !at_end) continue;
        if (visit(edge.to)) work.push_back(edge.to);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  bool accepts(const std::vector<uint32_t>& from, bool at_begin) {
    const auto reached = closure(from, at_begin, true);
    return std::binary_search(reached.begin(), reached.end(), nfa_.last_node);
  }

  uint32_t state_of(std::vector<uint32_t> subset, bool accept) {
    // The end can be reached through an anchor, so two equal subsets may differ in whether the text may end here.
    const auto [at, fresh] = ids_.emplace(std::pair(std::move(subset), accept), static_cast<uint32_t>(out_.states()));
    if (fresh) {
      out_.add_state(accept);
      subset_nodes_ += at->first.first.size();
      subsets_.push_back(&at->first.first);
    }
    return at->second;
  }

  const RegexNfa& nfa_;
  const CharPartition& partition_;
  CompileBudget& budget_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  CharDfa out_;
  std::map<std::pair<std::vector<uint32_t>, bool>, uint32_t> ids_;
  std::vector<const std::vector<uint32_t>*> subsets_;
  size_t subset_nodes_ = 0;
};

}  // namespace

Result<CharDfa> compile_regex(std::string_view pattern, RegexUse use, bool wide, CompileBudget& budget) {
  ONDOL_TRY(RegexTree tree, parse_regex(pattern, wide, budget));
  const auto any_set = static_cast<uint32_t>(tree.sets.size());
  tree.sets.push_back(CharSet::any());
  RegexNfa nfa(tree, budget);
  ONDOL_TRY_STATUS(nfa.build(use, any_set));
  ONDOL_TRY(const CharPartition partition, partition_chars(tree.sets));
  return Determinizer(nfa, partition, budget).run();
}

}  // namespace ondol
