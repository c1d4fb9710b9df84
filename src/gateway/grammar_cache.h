// The grammars of one model's answers, compiled once and kept while they are in use.
//
// Owner: a loaded model. Any thread but an HTTP thread or a step thread: compiling takes milliseconds, at most GrammarLimits' time. Two
// requests with the same new schema compile it once. Bounded: kMaxGrammars, the least recently used go; each bounds its own masks.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "endpoint/api_error.h"
#include "gateway/constraint.h"
#include "grammar/token_grammar.h"

namespace ondol {

class GrammarCache {
 public:
  static constexpr size_t kMaxGrammars = 64;
  static constexpr size_t kBytesOfAGrammar = 32 << 20;

  // The tokenizer outlives it.
  explicit GrammarCache(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  // Null for a constraint that allows everything. Errors: 400 that names `field`, and the place and keyword of a schema that cannot be
  // kept.
  ApiResult<std::shared_ptr<TokenGrammar>> get(const OutputConstraint& constraint, const std::string& field);

  size_t size() const;

 private:
  struct Entry {
    std::string key;
    std::mutex compiling;  // held by the first that asks, so that the others wait for its result
    std::shared_ptr<TokenGrammar> grammar;
  };
  std::shared_ptr<Entry> entry_of(const std::string& key);
  void forget(const std::string& key);

  const Tokenizer* tokenizer_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TokenTrie> trie_;   // made when the first grammar is asked for: some 100 ms for 150,000 tokens
  std::list<std::shared_ptr<Entry>> line_;  // most recently used first
  std::unordered_map<std::string, std::list<std::shared_ptr<Entry>>::iterator> by_key_;
};

}  // namespace ondol
