// Patterns in the ECMA-262 syntax that JSON Schema uses, as automata over characters.
//
// Free functions; any thread. Bounded: by the CompileBudget (nesting, states, time), 50,000 nodes before it is made deterministic, counts
// up to 10,000.
//
// Taken: literals, escapes (\n \t \xHH \uHHHH \u{H} \cX), `.`, classes, \d \w \s \D \W \S \p{..}, groups (named ones too), alternation,
// quantifiers (a lazy one means the same set of strings as a greedy one), ^ and $. Refused by name: lookaround, backreferences, \b, flags,
// and what engines read differently ([], {,m}).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "grammar/char_dfa.h"

namespace ondol {

enum class RegexUse : uint8_t {
  kWhole,   // the pattern must match all of the text
  kSearch,  // it must match somewhere, as JSON Schema means it
};

// Where engines disagree about a pattern (whether \d takes digits of all scripts), the automaton accepts what all of them accept; with
// `wide`, what any of them accepts: for a caller who then takes the complement.
// Errors: kInvalidArgument with the offset in the pattern.
Result<CharDfa> compile_regex(std::string_view pattern, RegexUse use, bool wide, CompileBudget& budget);

// The tree of a pattern, between the parser and the automaton.
struct RegexTree {
  enum class Kind : uint8_t { kEmpty, kChars, kConcat, kChoice, kRepeat, kBegin, kEnd };
  struct Node {
    Kind kind = Kind::kEmpty;
    uint32_t set = 0;                // kChars: index into `sets`
    uint32_t min = 0;                // kRepeat
    uint32_t max = 0;                // kRepeat; kUnbounded: no limit
    std::vector<uint32_t> children;  // indexes into `nodes`
  };
  static constexpr uint32_t kUnbounded = 0xFFFFFFFF;

  std::vector<Node> nodes;
  std::vector<CharSet> sets;  // all different
  uint32_t root = 0;
};

Result<RegexTree> parse_regex(std::string_view pattern, bool wide, CompileBudget& budget);

}  // namespace ondol
