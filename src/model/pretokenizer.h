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
#include "model/tokenizer_regex.h"

namespace ondol {

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

// What becomes of the matches of a pattern (the "behavior" of a tokenizer.json's Split).
enum class SplitBehavior : uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct PreStep {
  enum class Kind : uint8_t {
    kRule,         // a family's rule
    kPattern,      // a pattern and what becomes of its matches
    kPrefix,       // `mark` in front of each piece that does not begin with it
    kFirstPrefix,  // the same, but only at the start of the whole text
    kMark,         // spaces become `mark`
  };

  Kind kind = Kind::kRule;
  SplitRule rule = SplitRule::kGpt2;
  std::shared_ptr<const TextPattern> pattern = nullptr;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what the pattern does not match counts as its matches
  std::string mark = {};
};

// A text in pieces; some steps write a new text.
struct Pieces {
  std::string_view text;
  std::vector<TextRange> ranges;
  std::string buffer;                          // what `text` is a view of, if not the caller's text
  MatchDeadline deadline = match_deadline(0);  // for the patterns of all steps
};

// The steps of one tokenizer: each works on the pieces of the one before.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<PreStep> steps) : steps_(std::move(steps)) {}
  explicit PreTokenizer(const std::vector<SplitRule>& rules);

  // Sets `pieces` to those of `text`, valid UTF-8. `at_start`: it begins where the whole text begins.
  // Errors: kResourceExhausted from a pattern, or when the steps make more than kMaxPieceBytes.
  Status split(std::string_view text, bool at_start, Pieces& pieces) const;

 private:
  std::vector<PreStep> steps_;
};

inline constexpr size_t kMaxPieceBytes = size_t{1} << 30;  // offsets have 32 bits

// The rule that is equal to a regular expression of a tokenizer.json, if it is a known family's, spelled as that family spells it.
std::optional<SplitRule> known_pattern(std::string_view pattern);

}  // namespace ondol
