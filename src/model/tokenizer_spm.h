// SentencePiece's BPE: joins neighbouring spans of text into the token with the best score, until no two neighbours form a token.
//
// Owner: the Tokenizer. Immutable after make(); any thread. A heap drives the merging: O(n log n) for a text of n characters.
// Source: the SentencePiece library's description of its BPE model; the GGUF keys tokenizer.ggml.scores and token_type.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tokenizer_vocab.h"

namespace ondol {

class Spm {
 public:
  // `scores[id]`, one for each token. `unknown`: the token for characters that have neither a token nor tokens for their bytes, or -1.
  // Errors: kInvalidArgument for a wrong number of scores, or one that is not finite.
  static Result<Spm> make(const Vocabulary& vocab, std::vector<float> scores, int32_t unknown);

  // Appends the tokens of one piece of valid UTF-8, in which spaces are already U+2581. `vocab` is the one given to make().
  void encode(const Vocabulary& vocab, std::string_view piece, std::vector<int32_t>& out) const;

 private:
  // A span of the word; merged spans grow to the right, and the one taken in becomes empty.
  struct Symbol {
    uint32_t begin;
    uint32_t bytes;
    uint32_t prev;
    uint32_t next;
    int32_t id;
  };
  struct Candidate {
    float score;
    uint32_t left;
    uint32_t bytes;  // of both; tells whether the candidate is stale
    int32_t id;
  };

  static bool worse(const Candidate& a, const Candidate& b) { return a.score < b.score || (a.score == b.score && a.left > b.left); }
  int32_t find(const Vocabulary& vocab, std::string_view text) const;
  // Memory reused over the words of one piece.
  struct Scratch {
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    bool after_unknown = false;
  };
  void list_symbols(const Vocabulary& vocab, std::string_view word, std::vector<Symbol>& symbols) const;
  void merge(const Vocabulary& vocab, std::string_view word, Scratch& scratch) const;
  void emit(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;

  std::vector<float> scores_;
  std::vector<int32_t> byte_ids_;  // 256; -1: none
  int32_t unknown_ = -1;
  bool word_by_word_ = false;
};

}  // namespace ondol
