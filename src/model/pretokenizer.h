// Cuts text into the pieces inside which a tokenizer may merge: each family's rule, in the order in which its tokenizer applies them.
//
// Owner: the Tokenizer. Immutable; any thread. The rules written by hand are linear in the text; a rule run as a regular expression is
// bounded by tokenizer_regex.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

// The families' rules, as the regular expressions that their tokenizer.json or the GGUF key tokenizer.ggml.pre stands for.
enum class SplitRule : uint8_t {
  kGpt2,       // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kQwen2,      // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kLlama3,     // as kQwen2 with \p{N}{1,3}
  kExaoneMoe,  // reference/exaone.md section 3: a piece may span several words
  kDigits,     // each \p{N} on its own, the rest uncut
  kDigitRuns,  // \p{N}+ apart from the rest
};

// Appends the pieces of `text`, which is valid UTF-8 and at most 2 GiB: they cover it from first to last byte, none is empty.
// `base` is added to their offsets.
void split_text(SplitRule rule, std::string_view text, uint32_t base, std::vector<TextRange>& out);

// The steps of one tokenizer: each cuts the pieces of the one before.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<SplitRule> rules) : rules_(std::move(rules)) {}

  // The pieces of `text`.
  std::vector<TextRange> split(std::string_view text) const;

 private:
  std::vector<SplitRule> rules_;
};

// The rule that is equal to a regular expression of a tokenizer.json, if it is a known family's, spelled as that family spells it.
std::optional<SplitRule> known_pattern(std::string_view pattern);

}  // namespace ondol
