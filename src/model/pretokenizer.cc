#include "model/pretokenizer.h"

#include "model/pretokenizer_chars.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

using namespace char_bits;

// A text with a reader of character classes.
class Scanner {
 public:
  Scanner(std::string_view text, uint32_t base, std::vector<TextRange>& out)
      : text_(text), base_(base), out_(out), table_(CharTable::get()) {}

  struct Char {
    uint8_t bits;
    size_t next;
  };

  size_t size() const { return text_.size(); }
  bool is(size_t at, char byte) const { return at < text_.size() && text_[at] == byte; }

  // Past the end: no bits, and not advancing.
  Char at(size_t at) const {
    if (at >= text_.size()) return {0, at};
    const Utf8Char c = decode_utf8(text_, at);
    return {table_.bits(c.point), at + c.bytes};
  }
  bool has(size_t at, uint8_t bits) const { return (this->at(at).bits & bits) != 0; }

  // The end of the run of characters with any of `bits`, of at most `limit` characters.
  size_t run(size_t at, uint8_t bits, size_t limit = SIZE_MAX) const {
    for (size_t count = 0; at < text_.size() && count < limit; ++count) {
      const Char c = this->at(at);
      if ((c.bits & bits) == 0) break;
      at = c.next;
    }
    return at;
  }

  // The end of the run of characters with none of `bits`.
  size_t run_without(size_t at, uint8_t bits) const {
    while (at < text_.size()) {
      const Char c = this->at(at);
      if ((c.bits & bits) != 0) break;
      at = c.next;
    }
    return at;
  }

  void emit(size_t begin, size_t end) const { out_.push_back({base_ + static_cast<uint32_t>(begin), base_ + static_cast<uint32_t>(end)}); }

  // Bytes of 's|'t|'re|'ve|'m|'ll|'d at `at`, or 0. Without regard to case, U+017F is an s too (Unicode simple case folding).
  size_t contraction(size_t at, bool any_case) const {
    if (!is(at, '\'')) return 0;
    const auto letter = [&](size_t i) -> char {
      if (i >= text_.size()) return 0;
      const char c = text_[i];
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    const char first = letter(at + 1), second = letter(at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return 3;
    if (any_case && text_.substr(at + 1, 2) == "\xC5\xBF") return 3;
    return 0;
  }

  // \s+(?!\S)|\s+ on a run of white space at `at`: without the last character, which goes with the word that follows, unless it is alone.
  size_t spaces(size_t at) const {
    size_t last = at, end = at;
    while (end < text_.size()) {
      const Char c = this->at(end);
      if ((c.bits & kSpace) == 0) break;
      last = end;
      end = c.next;
    }
    return end == text_.size() || last == at ? end : last;
  }

  // \s*[\r\n]+ at `at`: up to the last line break of the run of white space, or `at` if it has none.
  size_t to_last_newline(size_t at) const {
    size_t end = at;
    for (size_t i = at; i < text_.size();) {
      const Char c = this->at(i);
      if ((c.bits & kSpace) == 0) break;
      i = c.next;
      if ((c.bits & kNewline) != 0) end = i;
    }
    return end;
  }

 private:
  std::string_view text_;
  uint32_t base_;
  std::vector<TextRange>& out_;
  const CharTable& table_;
};

constexpr uint8_t kWordOrSpace = kLetter | kNumber | kSpace;

size_t gpt2_piece(const Scanner& text, size_t at) {
  if (const size_t bytes = text.contraction(at, false); bytes != 0) return at + bytes;
  const size_t body = text.is(at, ' ') ? at + 1 : at;
  const uint8_t bits = text.at(body).bits;
  if ((bits & kLetter) != 0) return text.run(body, kLetter);
  if ((bits & kNumber) != 0) return text.run(body, kNumber);
  if (body < text.size() && (bits & kSpace) == 0) return text.run_without(body, kWordOrSpace);
  return text.spaces(at);
}

// The part that kQwen2, kLlama3 and kExaoneMoe share after words and numbers. `other_newlines`: how many line breaks may follow
// punctuation in its piece.
size_t punctuation_or_spaces(const Scanner& text, size_t at, size_t other_newlines) {
  const size_t body = text.is(at, ' ') ? at + 1 : at;
  if (body < text.size() && !text.has(body, kWordOrSpace)) return text.run(text.run_without(body, kWordOrSpace), kNewline, other_newlines);
  if (const size_t end = text.to_last_newline(at); end != at) return end;
  return text.spaces(at);
}

// Where the letters of a word begin whose piece begins at `at` ([^\r\n\p{L}\p{N}]?\p{L}), or npos if no such piece begins here.
size_t word_begin(const Scanner& text, size_t at) {
  const Scanner::Char first = text.at(at);
  if ((first.bits & kLetter) != 0) return at;
  if ((first.bits & (kNumber | kNewline)) == 0 && text.has(first.next, kLetter)) return first.next;
  return std::string_view::npos;
}

size_t qwen2_piece(const Scanner& text, size_t at, size_t max_digits) {
  if (const size_t bytes = text.contraction(at, true); bytes != 0) return at + bytes;
  if (const size_t word = word_begin(text, at); word != std::string_view::npos) return text.run(word, kLetter);
  if (text.has(at, kNumber)) return text.run(at, kNumber, max_digits);
  return punctuation_or_spaces(text, at, SIZE_MAX);
}

// (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+ from its first letter on.
size_t super_word(const Scanner& text, size_t at) {
  while (true) {
    at = text.run(text.at(at).next, kMark);
    if (text.has(at, kLetter)) continue;
    if (!text.is(at, ' ') || !text.has(at + 1, kLetter)) return at;
    ++at;
  }
}

size_t exaone_moe_piece(const Scanner& text, size_t at) {
  if (const size_t bytes = text.contraction(at, true); bytes != 0) return at + bytes;
  if (const size_t word = word_begin(text, at); word != std::string_view::npos) return super_word(text, word);
  if (text.has(at, kNumber)) return text.at(at).next;
  return punctuation_or_spaces(text, at, 1);
}

size_t digits_piece(const Scanner& text, size_t at, size_t max_digits) {
  return text.has(at, kNumber) ? text.run(at, kNumber, max_digits) : text.run_without(at, kNumber);
}

template <class Piece>
void split_by(const Scanner& text, Piece piece) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = piece(at);
    text.emit(at, end);
    at = end;
  }
}

}  // namespace

void split_text(SplitRule rule, std::string_view text, uint32_t base, std::vector<TextRange>& out) {
  const Scanner scan(text, base, out);
  switch (rule) {
    case SplitRule::kGpt2: return split_by(scan, [&](size_t at) { return gpt2_piece(scan, at); });
    case SplitRule::kQwen2: return split_by(scan, [&](size_t at) { return qwen2_piece(scan, at, 1); });
    case SplitRule::kLlama3: return split_by(scan, [&](size_t at) { return qwen2_piece(scan, at, 3); });
    case SplitRule::kExaoneMoe: return split_by(scan, [&](size_t at) { return exaone_moe_piece(scan, at); });
    case SplitRule::kDigits: return split_by(scan, [&](size_t at) { return digits_piece(scan, at, 1); });
    case SplitRule::kDigitRuns: return split_by(scan, [&](size_t at) { return digits_piece(scan, at, SIZE_MAX); });
  }
}

std::optional<SplitRule> known_pattern(std::string_view pattern) {
  struct Known {
    std::string_view pattern;
    SplitRule rule;
  };
  static constexpr Known kKnown[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", SplitRule::kGpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitRule::kQwen2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitRule::kLlama3},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)",
       SplitRule::kExaoneMoe},
      {R"(\p{N})", SplitRule::kDigits},
      {R"(\p{N}+)", SplitRule::kDigitRuns},
  };
  for (const Known& known : kKnown) {
    if (known.pattern == pattern) return known.rule;
  }
  return std::nullopt;
}

}  // namespace ondol
