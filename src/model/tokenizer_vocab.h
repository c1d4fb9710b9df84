// The tokens of a model by id and by name.
//
// Owner: the Tokenizer. Immutable after make(); any thread. Bounded by kMaxTokens and kMaxNameBytes; memory is in proportion to the names
// given, never to a number that a file claims.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

// The values are those of tokenizer.ggml.token_type (GGUF specification).
enum class TokenKind : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// A hash that spreads short strings well; equal for equal text, the same in every run.
uint64_t hash_text(std::string_view text);
uint64_t mix_bits(uint64_t x);

// U+2581, which stands for a space in SentencePiece's vocabularies and those made in its manner.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

// The end of the word at `at`: where a space mark follows another character, or the end of the text.
// When no token has a space mark after another character, then nothing merges across the ends of words, and a text may be merged word by
// word: many small heaps instead of one that leaves the cache.
size_t word_end(std::string_view text, size_t at);
inline bool is_one_word(std::string_view name) { return word_end(name, 0) == name.size(); }

class Vocabulary {
 public:
  static constexpr size_t kMaxTokens = 4'000'000;           // the largest known vocabularies have 262,144
  static constexpr size_t kMaxNameBytes = size_t{1} << 30;  // of all names together: offsets have 32 bits

  Vocabulary() = default;
  // `names[id]` and `kinds[id]`, equally many. An empty name is a hole in the vocabulary: it is never found.
  // Errors: kInvalidArgument when empty, too large, not UTF-8, or two tokens have one name.
  static Result<Vocabulary> make(std::span<const std::string_view> names, std::vector<TokenKind> kinds);

  int32_t size() const { return static_cast<int32_t>(kinds_.size()); }
  bool contains(int32_t id) const { return id >= 0 && id < size(); }
  // "" outside the vocabulary.
  std::string_view name(int32_t id) const;
  // `id` must be in the vocabulary.
  TokenKind kind(int32_t id) const { return kinds_[static_cast<size_t>(id)]; }
  // The id of a name, or -1.
  int32_t find(std::string_view name) const;
  // The longest name in bytes.
  size_t longest() const { return longest_; }

 private:
  Status index();

  std::string text_;
  std::vector<uint32_t> offsets_;  // size() + 1
  std::vector<TokenKind> kinds_;
  std::vector<uint64_t> slots_;  // open addressing: upper half of the hash, then id + 1 (0: free)
  size_t longest_ = 0;
};

}  // namespace ondol
