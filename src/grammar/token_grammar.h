// A grammar over a vocabulary: which tokens may come next, for all answers that are bound to it.
//
// Owner: shared by the requests that use the grammar. Thread-safe: a mutex is held while one token or mask is worked out. Bounded: what it
// has learnt (states, transitions, masks) is thrown away when it passes `max_cache_bytes`; nothing but speed depends on it. One mask walks
// at most kMaxMaskWork positions; a grammar so ambiguous that this is too little loses long tokens, never the bytes they consist of.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/parse_states.h"
#include "grammar/token_trie.h"

namespace ondol {

class TokenGrammar {
 public:
  static constexpr size_t kDefaultCacheBytes = 64 << 20;
  static constexpr size_t kMaxMaskWork = 8 << 20;

  TokenGrammar(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie, size_t max_cache_bytes = kDefaultCacheBytes);

  const TokenTrie& trie() const { return *trie_; }
  size_t cache_bytes() const;

 private:
  friend class GrammarMatcher;

  using Mask = std::shared_ptr<const std::vector<uint64_t>>;
  // What has been learnt since the last time it was thrown away. A matcher keeps the one it stands in until it is used again.
  struct Cache {
    explicit Cache(const Automaton& automaton) : states(automaton) {}
    ParseStates states;
    std::unordered_map<StateId, Mask> masks;
  };
  struct Place {
    std::shared_ptr<Cache> cache;
    StateId state = ParseStates::kDead;
  };
  // What a matcher wants to know of a place, without asking again.
  struct Facts {
    bool complete = false;
    bool must_end = false;
  };

  Place begin();
  // The place after these bytes; a place with kDead if they do not fit.
  Place advance(Place place, std::string_view bytes);
  Mask mask(Place& place);
  Facts facts(Place& place);
  std::string forced(Place& place, size_t max_bytes);

  // The mutex is held. Throws the cache away if it is too large, and brings the place into the present one.
  void enter(Place& place);
  size_t bytes_of(const Cache& cache) const;
  std::vector<uint64_t> make_mask(ParseStates& states, StateId state) const;
  void walk(ParseStates& states, StateId state, std::span<const TokenTrie::Node> nodes, std::vector<uint64_t>& out) const;

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTrie> trie_;
  size_t max_cache_bytes_;
  mutable std::mutex mutex_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace ondol
