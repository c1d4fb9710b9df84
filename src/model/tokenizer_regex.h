// A pattern of a tokenizer.json: literal text, or a regular expression run by ICU.
//
// Owner: the Tokenizer. TextPattern is immutable and shared by threads; each TextMatcher belongs to one. Bounded: a pattern by kMaxPattern,
// matching by a deadline for all of a text, and by kMatchStackBytes of backtracking.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

// Bytes [begin, end) of a text.
struct TextRange {
  uint32_t begin;
  uint32_t end;
};

inline constexpr size_t kMaxPattern = 64 << 10;        // bytes; the longest known, with its classes written out, has 2 KB
inline constexpr int32_t kMatchBudgetMs = 2000;        // and 1 us per byte: the known patterns take a tenth of that
inline constexpr int32_t kMatchStackBytes = 64 << 20;  // (?:a|b)* over 400 KB of text needs about 16 MB

// When matching on one text must have ended.
using MatchDeadline = std::chrono::steady_clock::time_point;
inline MatchDeadline match_deadline(size_t text_bytes) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(kMatchBudgetMs) + std::chrono::microseconds(text_bytes);
}

class TextPattern {
 public:
  static TextPattern literal(std::string text);
  // Errors: kInvalidArgument with the place when ICU cannot compile it.
  static Result<TextPattern> regex(std::string_view pattern);

  const std::string& text() const { return text_; }
  bool is_regex() const { return regex_ != nullptr; }

 private:
  friend class TextMatcher;
  std::string text_;
  std::shared_ptr<const void> regex_;  // a URegularExpression, only to be cloned
};

class TextMatcher {
 public:
  TextMatcher(const TextPattern& pattern, MatchDeadline deadline);

  // Appends the matches in `text` that are not empty, left to right, `base` added to their offsets. `text` is valid UTF-8.
  // Errors: kResourceExhausted when the pattern takes too long or too much memory on this text.
  Status find_all(std::string_view text, uint32_t base, std::vector<TextRange>& out);

 private:
  Status find_regex(std::string_view text, uint32_t base, std::vector<TextRange>& out);

  const TextPattern& pattern_;
  std::shared_ptr<void> regex_;
  MatchDeadline deadline_;
};

}  // namespace ondol
