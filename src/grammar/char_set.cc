#include "grammar/char_set.h"

#include <unicode/uniset.h>

#include <algorithm>
#include <string>

namespace ondol {
namespace {

constexpr char32_t kSurrogateFirst = 0xD800;
constexpr char32_t kSurrogateLast = 0xDFFF;

std::vector<CharSet::Range> merged(std::vector<CharSet::Range> in) {
  std::sort(in.begin(), in.end());
  std::vector<CharSet::Range> out;
  for (const CharSet::Range& range : in) {
    if (!out.empty() && range.lo <= out.back().hi + 1) {
      out.back().hi = std::max(out.back().hi, range.hi);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

std::optional<CharSet> from_icu(std::string_view pattern) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeSet set(icu::UnicodeString::fromUTF8(icu::StringPiece(pattern.data(), static_cast<int32_t>(pattern.size()))), status);
  if (U_FAILURE(status)) return std::nullopt;
  std::vector<CharSet::Range> ranges;
  for (int32_t i = 0; i < set.getRangeCount(); ++i) {
    ranges.push_back({static_cast<char32_t>(set.getRangeStart(i)), static_cast<char32_t>(set.getRangeEnd(i))});
  }
  return CharSet(std::move(ranges));
}

}  // namespace

CharSet::CharSet(std::vector<Range> ranges) {
  std::vector<Range> scalars;
  for (const Range& range : ranges) {
    if (range.lo < kSurrogateFirst && range.lo <= range.hi)
      scalars.push_back({range.lo, std::min<char32_t>(range.hi, kSurrogateFirst - 1)});
    if (range.hi > kSurrogateLast && range.lo <= range.hi) {
      scalars.push_back({std::max<char32_t>(range.lo, kSurrogateLast + 1), std::min(range.hi, kMaxScalar)});
    }
  }
  ranges_ = merged(std::move(scalars));
}

const CharSet& CharSet::any() {
  static const CharSet set(0, kMaxScalar);
  return set;
}

CharSet CharSet::unite(const CharSet& other) const {
  std::vector<Range> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  CharSet out;
  out.ranges_ = merged(std::move(both));
  return out;
}

CharSet CharSet::intersect(const CharSet& other) const {
  CharSet out;
  size_t i = 0;
  size_t j = 0;
  while (i < ranges_.size() && j < other.ranges_.size()) {
    const Range& a = ranges_[i];
    const Range& b = other.ranges_[j];
    const char32_t lo = std::max(a.lo, b.lo);
    const char32_t hi = std::min(a.hi, b.hi);
    if (lo <= hi) out.ranges_.push_back({lo, hi});
    ++(a.hi < b.hi ? i : j);
  }
  return out;
}

CharSet CharSet::complement() const {
  std::vector<Range> gaps;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.lo > next) gaps.push_back({next, range.lo - 1});
    next = range.hi + 1;
  }
  if (next <= kMaxScalar) gaps.push_back({next, kMaxScalar});
  return CharSet(std::move(gaps));
}

bool CharSet::contains(char32_t c) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), c, [](char32_t x, const Range& range) { return x < range.lo; });
  return after != ranges_.begin() && c <= std::prev(after)->hi;
}

const CharSet& digit_chars(bool wide) {
  static const CharSet narrow_set('0', '9');
  static const CharSet wide_set = from_icu("[[:Nd:]]").value_or(narrow_set);
  return wide ? wide_set : narrow_set;
}

const CharSet& word_chars(bool wide) {
  static const CharSet narrow_set({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
  static const CharSet wide_set = from_icu("[[:L:][:N:][:M:][:Pc:]\\p{Alphabetic}]").value_or(narrow_set).unite(narrow_set);
  return wide ? wide_set : narrow_set;
}

const CharSet& space_chars(bool wide) {
  static const CharSet narrow_set({{0x09, 0x0D},
                                   {0x20, 0x20},
                                   {0xA0, 0xA0},
                                   {0x1680, 0x1680},
                                   {0x2000, 0x200A},
                                   {0x2028, 0x2029},
                                   {0x202F, 0x202F},
                                   {0x205F, 0x205F},
                                   {0x3000, 0x3000}});
  static const CharSet wide_set = narrow_set.unite(CharSet({{0x1C, 0x1F}, {0x85, 0x85}, {0x180E, 0x180E}, {0xFEFF, 0xFEFF}}));
  return wide ? wide_set : narrow_set;
}

std::optional<CharSet> property_chars(std::string_view name) {
  if (name.empty() || name.size() > 64) return std::nullopt;
  for (const char c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '=';
    if (!ok) return std::nullopt;
  }
  return from_icu("[\\p{" + std::string(name) + "}]");
}

}  // namespace ondol
