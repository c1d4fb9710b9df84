// The tokens of a vocabulary by their bytes, laid out for walking all of them along an automaton.
//
// Owner: shared by all grammars of a tokenizer. Immutable; any thread. Bounded by the vocabulary: 12 bytes for each distinct beginning of a
// token, about 5 MB for 150,000 tokens.
//
// Control tokens, tokens without bytes and the tokens that end an answer are not in it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer.h"

namespace ondol {

class TokenTrie {
 public:
  // Depth-first: a node's first child, if it has one, comes right behind it.
  struct Node {
    uint32_t end;    // behind the last node below this one
    int32_t token;   // that ends here, or -1
    uint16_t depth;  // 1 for the first byte
    uint8_t byte;
    bool twins;  // other tokens have the same bytes (see twins())
  };

  static std::shared_ptr<const TokenTrie> build(const Tokenizer& tokenizer);
  // From the bytes of each token ("" for one that no text contains), for tests and tools.
  static std::shared_ptr<const TokenTrie> build(std::vector<std::string> token_bytes, std::vector<int32_t> end_ids);

  int32_t vocab_size() const { return static_cast<int32_t>(offsets_.size() - 1); }
  size_t mask_words() const { return (static_cast<size_t>(vocab_size()) + 63) / 64; }
  std::span<const int32_t> end_ids() const { return end_ids_; }
  bool is_end(int32_t token) const;
  // "" for tokens that are not in the trie and ids outside the vocabulary.
  std::string_view bytes(int32_t token) const;

  // Sorted so that depth first means in order of bytes.
  std::span<const Node> all() const { return all_; }
  // Tokens of at most kPlainRun plain characters (char_rules.h), as a mask; and all the others as a trie of their own. Inside a string
  // nearly the whole vocabulary is plain, and needs no walk.
  std::span<const uint64_t> plain_mask() const { return plain_mask_; }
  std::span<const Node> not_plain() const { return not_plain_; }
  // The tokens with the same bytes as this one.
  std::span<const int32_t> twins(int32_t token) const;

 private:
  TokenTrie() = default;
  void fill(std::span<const int32_t> sorted, std::vector<Node>& out) const;

  std::string text_;               // the bytes of all tokens
  std::vector<uint32_t> offsets_;  // of each token in text_, and the end
  std::vector<int32_t> end_ids_;
  std::vector<Node> all_;
  std::vector<Node> not_plain_;
  std::vector<uint64_t> plain_mask_;
  struct Twins {
    int32_t first;
    uint32_t begin;  // in twin_tokens_
    uint32_t end;
  };
  std::vector<int32_t> twin_tokens_;  // groups of equal tokens, each without its first
  std::vector<Twins> twins_;          // sorted by first
};

}  // namespace ondol
