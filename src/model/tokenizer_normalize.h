// What a tokenizer does to text before it is cut: Unicode normal forms, replacements, a prefix.
//
// Owner: the Tokenizer. Immutable; any thread. Each step is near-linear in the text, and the result is bounded by kMaxGrowth.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tokenizer_regex.h"

namespace ondol {

struct Normalizer {
  enum class Kind : uint8_t { kNfc, kNfd, kNfkc, kNfkd, kPrepend, kReplace, kLowercase, kStrip };

  Kind kind = Kind::kNfc;
  std::shared_ptr<const TextPattern> pattern = nullptr;  // kReplace: what is replaced
  std::string content = {};                              // kReplace: by what; kPrepend: what is put in front of text that is not empty
  bool left = false;                                     // kStrip: white space at the start
  bool right = false;                                    // kStrip: at the end
};

// Bytes that a text may grow to, per byte and beyond: U+FDFA, the worst character, grows by eleven in NFKC.
inline constexpr size_t kMaxGrowth = 12;
inline constexpr size_t kGrowthFloor = size_t{64} << 10;

// The normalised text of valid UTF-8: `text` itself when nothing changes, else a view of `buffer`.
// Errors: kResourceExhausted when it grows beyond the bound or a pattern takes too long, kInternal when ICU fails.
Result<std::string_view> normalize(std::span<const Normalizer> steps, std::string_view text, std::string& buffer,
                                   MatchDeadline deadline = match_deadline(0));

}  // namespace ondol
