// Deterministic automata over characters: what a string of an answer may be, before it is written as bytes.
//
// Owner: value types, one thread. Bounded: the operations take the states and the table that they may build from the CompileBudget's
// limits and fail with kInvalidArgument beyond.
//
// Characters that every state treats alike share a class, so a table row has one entry for each class.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/char_set.h"
#include "grammar/limits.h"

namespace ondol {

struct CharDfa {
  static constexpr uint32_t kDead = 0xFFFFFFFF;

  std::vector<CharSet> classes;  // disjoint; a character in none of them is never accepted
  std::vector<uint32_t> next;    // [state * classes.size() + class]
  std::vector<bool> accept;      // by state; state 0 is the start

  size_t states() const { return accept.size(); }
  uint32_t& at(size_t state, size_t c) { return next[state * classes.size() + c]; }
  uint32_t at(size_t state, size_t c) const { return next[state * classes.size() + c]; }

  bool empty() const { return states() == 0; }  // accepts nothing; true of every empty language after trim()
  bool matches(std::string_view utf8) const;    // the text must be valid UTF-8
  uint32_t add_state(bool accepts);             // all its entries are kDead
};

// Strings of min..max characters.
Result<CharDfa> dfa_of_length(uint64_t min, std::optional<uint64_t> max, CompileBudget& budget);
// Exactly these texts (valid UTF-8).
Result<CharDfa> dfa_of_texts(const std::vector<std::string>& texts, CompileBudget& budget);
// Texts that contain none of `stops` (valid UTF-8, not empty).
Result<CharDfa> dfa_without(const std::vector<std::string>& stops, CompileBudget& budget);
Result<CharDfa> dfa_complement(const CharDfa& dfa, CompileBudget& budget);
Result<CharDfa> dfa_intersect(const CharDfa& a, const CharDfa& b, CompileBudget& budget);

// Leaves out what the start does not reach and what reaches no accepting state.
CharDfa dfa_trim(const CharDfa& dfa);

// Splits overlapping sets into disjoint ones: `classes`, and for each set the classes it consists of. kInvalidArgument beyond 2,000 sets.
struct CharPartition {
  std::vector<CharSet> classes;
  std::vector<std::vector<uint32_t>> members;
};
Result<CharPartition> partition_chars(const std::vector<CharSet>& sets);

}  // namespace ondol
