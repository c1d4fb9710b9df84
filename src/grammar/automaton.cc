#include "grammar/automaton.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ondol {

NodeId AutomatonBuilder::node() {
  flags_.push_back(0);
  return static_cast<NodeId>(flags_.size() - 1);
}

RuleId AutomatonBuilder::rule(bool nests) {
  const NodeId entry = node();
  const NodeId exit = node();
  flags_[exit] |= Automaton::kExit;
  rules_.push_back({entry, exit, nests});
  return static_cast<RuleId>(rules_.size() - 1);
}

void AutomatonBuilder::byte(NodeId from, uint8_t lo, uint8_t hi, NodeId to) { edges_.push_back({from, to, 0, kByte, lo, hi}); }

NodeId AutomatonBuilder::after(NodeId from, std::string_view bytes) {
  for (const char c : bytes) {
    const NodeId to = node();
    byte(from, c, to);
    from = to;
  }
  return from;
}

NodeId AutomatonBuilder::after(NodeId from, RuleId rule) {
  const NodeId to = node();
  call(from, rule, to);
  return to;
}

void AutomatonBuilder::literal(NodeId from, std::string_view bytes, NodeId to) {
  if (bytes.empty()) return free(from, to);
  byte(after(from, bytes.substr(0, bytes.size() - 1)), bytes.back(), to);
}

Status AutomatonBuilder::check() {
  ONDOL_TRY_STATUS(budget_->check_time());
  const size_t max = budget_->limits().max_nodes;
  if (flags_.size() > max || edges_.size() > 8 * max) {
    return fail(Code::kInvalidArgument, "the grammar is too large (more than " + std::to_string(max) +
                                            " nodes); use fewer properties and branches, and lower counts and lengths");
  }
  return {};
}

void AutomatonBuilder::lay_out(Automaton& out) const {
  const size_t nodes = flags_.size();
  out.flags = flags_;
  out.byte_at.assign(nodes + 2, 0);
  out.free_at.assign(nodes + 2, 0);
  out.call_at.assign(nodes + 2, 0);
  const auto starts = [&](Kind kind) -> std::vector<uint32_t>& {
    return kind == kByte ? out.byte_at : kind == kFree ? out.free_at : out.call_at;
  };
  for (const Edge& edge : edges_) ++starts(edge.kind)[edge.from + 2];
  for (const Kind kind : {kByte, kFree, kCall}) {
    auto& at = starts(kind);
    for (size_t i = 2; i < at.size(); ++i) at[i] += at[i - 1];
  }
  out.byte_edges.resize(out.byte_at.back() + 1);  // one more, so that an empty span may point behind the last
  out.free_edges.resize(out.free_at.back() + 1);
  out.call_edges.resize(out.call_at.back() + 1);
  std::array<bool, 257> cut = {};
  for (const Edge& edge : edges_) {
    const uint32_t slot = starts(edge.kind)[edge.from + 1]++;
    if (edge.kind == kByte) {
      out.byte_edges[slot] = {edge.lo, edge.hi, edge.to};
      cut[edge.lo] = cut[edge.hi + 1U] = true;
    } else if (edge.kind == kFree) {
      out.free_edges[slot] = edge.to;
    } else {
      const Rule& rule = rules_[edge.rule];
      out.call_edges[slot] = {rule.entry, edge.to, static_cast<uint8_t>(rule.nests)};
    }
  }
  for (const Kind kind : {kByte, kFree, kCall}) starts(kind).pop_back();
  for (size_t byte = 0; byte < 256; ++byte) {
    if (byte == 0 || cut[byte]) out.class_byte.push_back(static_cast<uint8_t>(byte));
    out.byte_class[byte] = static_cast<uint8_t>(out.class_byte.size() - 1);
  }
}

// Shortest paths where a path costs what its costliest call costs: nodes are settled in the order of their need, as in Dijkstra's method.
void AutomatonBuilder::find_need(Automaton& out) const {
  const size_t nodes = flags_.size();
  // Edges by the nodes on whose need they wait: a call waits for the rule's entry and for where it continues.
  std::vector<uint32_t> at(nodes + 2, 0);
  const auto each_wait = [&](auto&& visit) {
    for (uint32_t i = 0; i < edges_.size(); ++i) {
      visit(edges_[i].to, i);
      if (edges_[i].kind == kCall) visit(rules_[edges_[i].rule].entry, i);
    }
  };
  each_wait([&](NodeId node, uint32_t) { ++at[node + 2]; });
  for (size_t i = 2; i < at.size(); ++i) at[i] += at[i - 1];
  std::vector<uint32_t> waiting(at.back());
  each_wait([&](NodeId node, uint32_t edge) { waiting[at[node + 1]++] = edge; });

  out.need.assign(nodes, Automaton::kNever);
  std::vector<std::vector<NodeId>> buckets(static_cast<size_t>(out.max_depth) + 1);
  for (const Rule& rule : rules_) {
    out.need[rule.exit] = 0;
    buckets[0].push_back(rule.exit);
  }
  for (size_t level = 0; level < buckets.size(); ++level) {
    for (size_t i = 0; i < buckets[level].size(); ++i) {
      const NodeId node = buckets[level][i];
      if (out.need[node] != level) continue;  // was settled lower
      for (uint32_t w = at[node]; w < at[node + 1]; ++w) {
        const Edge& edge = edges_[waiting[w]];
        unsigned cost = out.need[edge.to];
        if (edge.kind == kCall) {
          const Rule& rule = rules_[edge.rule];
          cost = std::max(cost, out.need[rule.entry] + (rule.nests ? 1U : 0U));
        }
        if (cost >= buckets.size() || cost >= out.need[edge.from]) continue;
        out.need[edge.from] = static_cast<uint8_t>(cost);
        buckets[cost].push_back(edge.from);
      }
    }
  }
}

Result<Automaton> AutomatonBuilder::finish(RuleId start, int max_depth) {
  ONDOL_TRY_STATUS(check());
  Automaton out;
  out.max_depth = std::clamp(max_depth, 0, 250);
  out.start = rules_[start].entry;
  lay_out(out);
  find_need(out);
  if (out.need[out.start] == Automaton::kNever) {
    return fail(Code::kInvalidArgument, "no text at all satisfies this grammar within " + std::to_string(max_depth) +
                                            " nested arrays and objects; look for contradicting keywords or endless required nesting");
  }
  return out;
}

}  // namespace ondol
