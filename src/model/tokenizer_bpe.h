// Byte-pair encoding: joins the symbols of a piece of text, best-ranked pair first, until no pair of neighbours is in the list of merges.
//
// Owner: the Tokenizer. Immutable after make(); any thread, each with its own BpeScratch. Short pieces are scanned, long ones use a heap:
// O(n log n) for a piece of n symbols.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/tokenizer_vocab.h"

namespace ondol {

// The alphabet in which byte-level vocabularies are spelled: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and on
// (the table of GPT-2's encoder).
uint32_t byte_letter(uint8_t byte);
std::optional<uint8_t> letter_byte(uint32_t point);
// Raw bytes to that spelling, and back; text with a character outside the alphabet stays as it is.
std::string spell_bytes(std::string_view bytes);
std::string unspell_bytes(std::string_view spelled);

// "<0x0A>" for 10.
std::string byte_token_name(uint8_t byte);
std::optional<uint8_t> byte_of_token_name(std::string_view name);

// Memory reused over the pieces of one text. One thread.
struct BpeScratch {
  std::vector<int32_t> symbols;
  std::vector<uint32_t> ranks, next, prev;
  std::vector<uint64_t> heap;
  std::string spelled;
};

struct BpeOptions {
  bool byte_level = true;      // the symbols are bytes; otherwise characters
  bool byte_fallback = false;  // characters that are no token become their bytes' tokens <0x..>
  bool ignore_merges = false;  // a piece that is a token as a whole is that token, whatever the merges say
  bool fuse_unknown = false;   // neighbouring unknown characters become one unknown token
  int32_t unknown = -1;        // the token for what cannot be said otherwise; -1: it is left out, as the reference tokenizers do
};

class Bpe {
 public:
  using Merge = std::pair<std::string_view, std::string_view>;

  // Rank is the place in `merges`; of equal pairs the last counts. Errors: kInvalidArgument when a merge has a part or a result that is no
  // token of `vocab`. A merge whose result is a control token is left out, so that plain text never becomes one.
  static Result<Bpe> make(const Vocabulary& vocab, std::span<const Merge> merges, const BpeOptions& options);

  // Appends the tokens of one piece of valid UTF-8. `vocab` is the one given to make().
  void encode(const Vocabulary& vocab, std::string_view piece, BpeScratch& scratch, std::vector<int32_t>& out) const;

  bool byte_level() const { return options_.byte_level; }

 private:
  static constexpr uint32_t kNoRank = UINT32_MAX;

  struct Slot {
    uint64_t pair = 0;  // (left + 1) << 32 | right + 1; 0: free
    uint32_t rank = kNoRank;
    int32_t merged = -1;
  };

  static uint64_t pair_key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left) + 1) << 32 | (static_cast<uint32_t>(right) + 1);
  }
  Status insert(int32_t left, int32_t right, uint32_t rank, int32_t merged);
  uint32_t rank_of(int32_t left, int32_t right) const;
  void map_bytes(const Vocabulary& vocab);
  void symbols_of_bytes(std::string_view piece, std::vector<int32_t>& symbols) const;
  void symbols_of_characters(const Vocabulary& vocab, std::string_view piece, std::vector<int32_t>& symbols) const;
  void merge(BpeScratch& scratch, std::vector<int32_t>& out) const;
  void merge_short(BpeScratch& scratch, std::vector<int32_t>& out) const;
  void merge_long(BpeScratch& scratch, std::vector<int32_t>& out) const;

  BpeOptions options_;
  bool word_by_word_ = false;
  std::vector<Slot> slots_;              // open addressing, at most half full
  std::vector<int32_t> merged_;          // by rank
  std::array<int32_t, 256> byte_ids_{};  // byte-level: the byte as a symbol; otherwise: its fallback token; -1: none
};

}  // namespace ondol
