// Writes automata over characters as rules over bytes: plain UTF-8, or the characters of a JSON string with its escapes.
//
// Owner: one compilation, one thread. Bounded by the builder's limits; a set of characters becomes one rule however often it is used.
//
// In a JSON string a character stands for itself where JSON allows it; `"`, `\`, `/` and control characters have their short escapes or
// \u00XX. Sets with all characters of the basic plane beyond ASCII also take \uXXXX, and those with everything above it surrogate pairs.
// Since an escape is a spelling of its character here, a name that is excluded cannot return in another spelling.
#pragma once

#include <map>
#include <utility>

#include "grammar/automaton.h"
#include "grammar/char_dfa.h"

namespace ondol {

enum class CharCoding : uint8_t { kUtf8, kJsonString };

class CharRules {
 public:
  explicit CharRules(AutomatonBuilder& builder) : b_(&builder) {}

  // All texts of `dfa` between two nodes. For kJsonString without the quotes.
  Status add(const CharDfa& dfa, CharCoding coding, NodeId from, NodeId to);
  // One character of `set`.
  void add_char(const CharSet& set, CharCoding coding, NodeId from, NodeId to);

 private:
  void add_utf8(NodeId from, char32_t lo, char32_t hi, NodeId to);
  void add_escapes(const CharSet& set, NodeId from, NodeId to);
  void add_hex(NodeId from, uint32_t lo, uint32_t hi, int digits, NodeId to);
  void add_hex_digit(NodeId from, uint32_t lo, uint32_t hi, NodeId to);

  AutomatonBuilder* b_;
  std::map<std::pair<CharSet, CharCoding>, RuleId> rules_;
};

// The plain characters of token_trie.h: those of which a JSON string may be made without escapes and that every `.` of a pattern takes.
const CharSet& plain_chars();
inline constexpr int kPlainRun = 16;

}  // namespace ondol
