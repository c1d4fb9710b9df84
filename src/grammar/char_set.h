// Sets of Unicode scalar values.
//
// Owner: value types. Any thread. Bounded by what is put in: ranges are sorted and never touch, so a set has at most one for each addition.
#pragma once

#include <compare>
#include <optional>
#include <string_view>
#include <vector>

namespace ondol {

inline constexpr char32_t kMaxScalar = 0x10FFFF;

class CharSet {
 public:
  struct Range {
    char32_t lo;
    char32_t hi;  // inclusive
    auto operator<=>(const Range&) const = default;
  };

  CharSet() = default;
  // Any order, overlaps allowed; surrogates are left out.
  explicit CharSet(std::vector<Range> ranges);
  CharSet(char32_t lo, char32_t hi) : CharSet(std::vector<Range>{{lo, hi}}) {}

  static const CharSet& any();  // every scalar value

  CharSet unite(const CharSet& other) const;
  CharSet intersect(const CharSet& other) const;
  CharSet complement() const;  // what any() has beyond this set

  bool contains(char32_t c) const;
  bool includes(const CharSet& other) const { return other.intersect(complement()).empty(); }
  bool empty() const { return ranges_.empty(); }
  const std::vector<Range>& ranges() const { return ranges_; }
  auto operator<=>(const CharSet&) const = default;

 private:
  std::vector<Range> ranges_;
};

// The escapes \d \w \s of a pattern. ECMA-262 and other languages' engines disagree on what lies beyond ASCII: `wide` gives every character
// that one of them takes, else only those that all take.
const CharSet& digit_chars(bool wide);
const CharSet& word_chars(bool wide);
const CharSet& space_chars(bool wide);

// \p{name} or \p{name=value}; nothing if there is no such property.
std::optional<CharSet> property_chars(std::string_view name);

}  // namespace ondol
