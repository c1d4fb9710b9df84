#include "grammar/matcher.h"

#include <utility>

namespace ondol {

GrammarMatcher::GrammarMatcher(std::shared_ptr<TokenGrammar> grammar) : grammar_(std::move(grammar)), place_(grammar_->begin()) {
  facts_ = grammar_->facts(place_);
}

std::span<const uint64_t> GrammarMatcher::mask() {
  if (!mask_ && ended_) {
    const TokenTrie& trie = grammar_->trie();
    std::vector<uint64_t> ends(trie.mask_words(), 0);
    for (const int32_t id : trie.end_ids()) ends[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
    mask_ = std::make_shared<const std::vector<uint64_t>>(std::move(ends));
  }
  if (!mask_) mask_ = grammar_->mask(place_);
  return *mask_;
}

bool GrammarMatcher::accept(int32_t token) {
  if (grammar_->trie().is_end(token)) {
    if (!facts_.complete) return false;
    if (!ended_) mask_.reset();
    ended_ = true;
    facts_.must_end = true;
    return true;
  }
  const std::string_view bytes = grammar_->trie().bytes(token);
  return !bytes.empty() && accept_bytes(bytes);
}

bool GrammarMatcher::accept_bytes(std::string_view bytes) {
  if (ended_) return bytes.empty();
  TokenGrammar::Place to = grammar_->advance(place_, bytes);
  if (to.state == ParseStates::kDead) return false;
  place_ = std::move(to);
  facts_ = grammar_->facts(place_);
  mask_.reset();
  return true;
}

std::string GrammarMatcher::forced() const {
  if (ended_) return {};
  return grammar_->forced(place_, kMaxForcedBytes);
}

}  // namespace ondol
