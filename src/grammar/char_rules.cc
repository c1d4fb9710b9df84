#include "grammar/char_rules.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

// ASCII that stands for itself in a JSON string.
bool is_bare(char32_t c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

// States from which kPlainRun plain characters can always follow: round by round, those whose every successor lasts one round less.
std::vector<bool> plain_states(const CharDfa& dfa) {
  CharSet covered;
  std::vector<size_t> touched;
  for (size_t c = 0; c < dfa.classes.size(); ++c) {
    if (dfa.classes[c].intersect(plain_chars()).empty()) continue;
    touched.push_back(c);
    covered = covered.unite(dfa.classes[c]);
  }
  std::vector<bool> lasts(dfa.states(), covered.includes(plain_chars()));
  for (int round = 0; round < kPlainRun; ++round) {
    std::vector<bool> next(dfa.states());
    for (size_t state = 0; state < dfa.states(); ++state) {
      next[state] = lasts[state] && std::all_of(touched.begin(), touched.end(), [&](size_t c) {
                      const uint32_t to = dfa.at(state, c);
                      return to != CharDfa::kDead && lasts[to];
                    });
    }
    if (next == lasts) break;
    lasts = std::move(next);
  }
  return lasts;
}

}  // namespace

const CharSet& plain_chars() {
  static const CharSet set = CharSet({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x9F}, {0x2028, 0x2029}}).complement();
  return set;
}

Status CharRules::add(const CharDfa& dfa, CharCoding coding, NodeId from, NodeId to) {
  if (dfa.empty()) return {};
  std::vector<NodeId> nodes(dfa.states());
  for (NodeId& node : nodes) {
    node = b_->node();
  }
  b_->free(from, nodes[0]);
  const std::vector<bool> plain = coding == CharCoding::kJsonString ? plain_states(dfa) : std::vector<bool>(dfa.states(), false);
  std::map<std::vector<uint32_t>, CharSet> unions;  // of classes
  std::map<uint32_t, std::vector<uint32_t>> by_target;
  for (size_t state = 0; state < dfa.states(); ++state) {
    by_target.clear();
    for (uint32_t c = 0; c < dfa.classes.size(); ++c) {
      if (dfa.at(state, c) != CharDfa::kDead) by_target[dfa.at(state, c)].push_back(c);
    }
    for (const auto& [target, classes] : by_target) {
      auto [at, fresh] = unions.try_emplace(classes);
      if (fresh) {
        std::vector<CharSet::Range> ranges;
        for (const uint32_t c : classes) ranges.insert(ranges.end(), dfa.classes[c].ranges().begin(), dfa.classes[c].ranges().end());
        at->second = CharSet(std::move(ranges));
      }
      add_char(at->second, coding, nodes[state], nodes[target]);
    }
    if (dfa.accept[state]) b_->free(nodes[state], to);
    if (plain[state]) b_->mark_plain(nodes[state]);
    ONDOL_TRY_STATUS(b_->check());
  }
  return {};
}

void CharRules::add_char(const CharSet& set, CharCoding coding, NodeId from, NodeId to) {
  // What is one byte goes straight, the rest through a rule that all places with this set share.
  bool rest = false;
  for (const CharSet::Range& range : set.ranges()) {
    rest = rest || range.hi >= 0x80;
    for (char32_t lo = range.lo; lo <= range.hi && lo < 0x80; ++lo) {
      const auto direct = [&](char32_t c) { return coding == CharCoding::kUtf8 || is_bare(c); };
      if (!direct(lo)) {
        rest = true;
        continue;
      }
      char32_t hi = lo;
      while (hi < range.hi && hi + 1 < 0x80 && direct(hi + 1)) ++hi;
      b_->byte(from, static_cast<uint8_t>(lo), static_cast<uint8_t>(hi), to);
      lo = hi;
    }
  }
  rest = rest || (coding == CharCoding::kJsonString && set.contains('/'));
  if (!rest) return;
  const auto [at, fresh] = rules_.try_emplace({set, coding}, 0);
  if (fresh) {
    const RuleId rule = b_->rule();
    at->second = rule;
    for (const CharSet::Range& range : set.ranges()) {
      if (range.hi >= 0x80) add_utf8(b_->entry(rule), std::max<char32_t>(range.lo, 0x80), range.hi, b_->exit(rule));
    }
    if (coding == CharCoding::kJsonString) add_escapes(set, b_->entry(rule), b_->exit(rule));
  }
  b_->call(from, at->second, to);
}

// Splits a range of characters until all of a piece have the same length and every byte of them runs through a full range on its own.
void CharRules::add_utf8(NodeId from, char32_t lo, char32_t hi, NodeId to) {
  for (const char32_t last : {0x7FU, 0x7FFU, 0xFFFFU}) {
    if (lo <= last && hi > last) {
      add_utf8(from, lo, last, to);
      return add_utf8(from, last + 1, hi, to);
    }
  }
  for (unsigned shift = 6; shift <= 18; shift += 6) {
    const char32_t low_bits = (char32_t{1} << shift) - 1;
    if ((lo & ~low_bits) == (hi & ~low_bits)) break;
    if ((lo & low_bits) != 0) {
      add_utf8(from, lo, lo | low_bits, to);
      return add_utf8(from, (lo | low_bits) + 1, hi, to);
    }
    if ((hi & low_bits) != low_bits) {
      add_utf8(from, lo, (hi & ~low_bits) - 1, to);
      return add_utf8(from, hi & ~low_bits, hi, to);
    }
  }
  std::string first;
  std::string last;
  append_utf8(first, lo);
  append_utf8(last, hi);
  for (size_t i = 0; i < first.size(); ++i) {
    const NodeId next = i + 1 == first.size() ? to : b_->node();
    b_->byte(from, static_cast<uint8_t>(first[i]), static_cast<uint8_t>(last[i]), next);
    from = next;
  }
}

void CharRules::add_escapes(const CharSet& set, NodeId from, NodeId to) {
  const NodeId slash = b_->after(from, "\\");
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeans = "\"\\/\b\f\n\r\t";
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (set.contains(static_cast<char32_t>(kMeans[i]))) b_->byte(slash, kNames[i], to);
  }
  const bool all_beyond_ascii = set.includes(CharSet(0x80, 0xFFFF));
  const CharSet escaped = set.intersect(all_beyond_ascii ? CharSet(0, 0xFFFF) : CharSet({{0, 0x1F}, {0x7F, 0x7F}}));
  const NodeId u = b_->after(slash, "u");
  for (const CharSet::Range& range : escaped.ranges()) add_hex(u, range.lo, range.hi, 4, to);
  if (!set.includes(CharSet(0x10000, kMaxScalar))) return;
  const NodeId middle = b_->node();
  add_hex(u, 0xD800, 0xDBFF, 4, middle);
  add_hex(b_->after(middle, "\\u"), 0xDC00, 0xDFFF, 4, to);
}

// Numbers lo..hi written with `digits` hexadecimal digits, split as in add_utf8.
void CharRules::add_hex(NodeId from, uint32_t lo, uint32_t hi, int digits, NodeId to) {
  for (int shift = 4; shift < 4 * digits; shift += 4) {
    const uint32_t low_bits = (1U << shift) - 1;
    if ((lo & ~low_bits) == (hi & ~low_bits)) break;
    if ((lo & low_bits) != 0) {
      add_hex(from, lo, lo | low_bits, digits, to);
      return add_hex(from, (lo | low_bits) + 1, hi, digits, to);
    }
    if ((hi & low_bits) != low_bits) {
      add_hex(from, lo, (hi & ~low_bits) - 1, digits, to);
      return add_hex(from, hi & ~low_bits, hi, digits, to);
    }
  }
  for (int i = digits - 1; i >= 0; --i) {
    const NodeId next = i == 0 ? to : b_->node();
    add_hex_digit(from, (lo >> (4 * i)) & 15, (hi >> (4 * i)) & 15, next);
    from = next;
  }
}

void CharRules::add_hex_digit(NodeId from, uint32_t lo, uint32_t hi, NodeId to) {
  if (lo <= 9) b_->byte(from, static_cast<uint8_t>('0' + lo), static_cast<uint8_t>('0' + std::min(hi, 9U)), to);
  if (hi < 10) return;
  const uint32_t first = std::max(lo, 10U) - 10;
  for (const char letter : {'a', 'A'}) {
    b_->byte(from, static_cast<uint8_t>(static_cast<unsigned>(letter) + first),
             static_cast<uint8_t>(static_cast<unsigned>(letter) + hi - 10), to);
  }
}

}  // namespace ondol
