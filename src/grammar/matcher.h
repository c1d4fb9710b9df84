// One answer's position in a grammar.
//
// Owner: one generation; one thread at a time. Copies are cheap (two pointers and a few words), for trying out tokens and taking them back.
// Bounded: the state it stands in belongs to the TokenGrammar's cache, or to an old one that only it still holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "grammar/token_grammar.h"

namespace ondol {

class GrammarMatcher {
 public:
  static constexpr size_t kMaxForcedBytes = 512;

  explicit GrammarMatcher(std::shared_ptr<TokenGrammar> grammar);

  // A bit for each token id, vocab_size bits rounded up to whole words: whether the token may come next. The tokens that end an answer are
  // set exactly when complete(). Valid until the next call of a member that is not const. All other bits can be 0 only if must_end(), or if
  // the vocabulary lacks a token for some single byte.
  std::span<const uint64_t> mask();
  // Takes the token; false, and nothing changes, if it may not come here. After an end token only end tokens are taken.
  bool accept(int32_t token);
  // Takes text that is not tokens (a prefix that was already written); false, and nothing changes, if it does not fit.
  bool accept_bytes(std::string_view bytes);
  bool complete() const { return facts_.complete; }
  bool must_end() const { return facts_.must_end; }
  // The longest text, up to kMaxForcedBytes, with which every continuation begins; empty when complete().
  std::string forced() const;

 private:
  std::shared_ptr<TokenGrammar> grammar_;
  mutable TokenGrammar::Place place_;
  TokenGrammar::Facts facts_;
  TokenGrammar::Mask mask_;  // of place_; nothing until asked for
  bool ended_ = false;
};

}  // namespace ondol
