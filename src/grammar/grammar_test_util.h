// What the tests, fuzz targets and the check program of this room share: byte-wise acceptance, a small vocabulary, random answers.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grammar/matcher.h"

namespace ondol {

// All bytes (the id of a byte is the byte), pieces that JSON is made of, and one end token, the last.
inline std::shared_ptr<const TokenTrie> small_json_trie() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(std::string(1, static_cast<char>(byte)));
  for (const char* piece : {"{\"",   "\":",  "\": \"", "\",",    "\", \"", "\"}", "},",   "],", "[]",   "{}",      " {",  "true",
                            "false", "null", "\n  ",   "\n    ", "00",     "12",  "2024", "-",  "name", "the",     " of", " hello",
                            "하",    "한국", "ing",    "\\n",    "\\u",    "\"]", "]}",   "}}", ", ",   "\xEA\xB0"}) {
    tokens.emplace_back(piece);
  }
  tokens.emplace_back("<end>");
  const auto end = static_cast<int32_t>(tokens.size() - 1);
  return TokenTrie::build(std::move(tokens), {end});
}

class GrammarTester {
 public:
  static Result<GrammarTester> make(const GrammarSpec& spec, const GrammarLimits& limits = {}) {
    ONDOL_TRY(auto grammar, Grammar::compile(spec, limits));
    static const auto trie = small_json_trie();
    return GrammarTester(std::make_shared<TokenGrammar>(std::move(grammar), trie));
  }
  static Result<GrammarTester> of_schema(std::string_view schema, const GrammarLimits& limits = {}) {
    return make(spec_schema(boost::json::parse(schema)), limits);
  }

  // Whether the whole text is an answer.
  bool accepts(std::string_view text) const {
    GrammarMatcher matcher(grammar_);
    return matcher.accept_bytes(text) && matcher.complete();
  }
  GrammarMatcher matcher() const { return GrammarMatcher(grammar_); }
  std::shared_ptr<TokenGrammar> grammar() const { return grammar_; }

 private:
  explicit GrammarTester(std::shared_ptr<TokenGrammar> grammar) : grammar_(std::move(grammar)) {}
  std::shared_ptr<TokenGrammar> grammar_;
};

inline std::vector<int32_t> permitted(std::span<const uint64_t> mask) {
  std::vector<int32_t> out;
  for (size_t word = 0; word < mask.size(); ++word) {
    for (uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) out.push_back(static_cast<int32_t>(word * 64) + __builtin_ctzll(bits));
  }
  return out;
}

// A random answer token by token; the longer it gets, the more it hurries to an end. Nothing if it has no end after
// `max_tokens`. For vocabularies with a token for each byte.
inline std::optional<std::string> random_answer(GrammarMatcher matcher, const TokenTrie& trie, std::mt19937& random, int max_tokens) {
  std::string text;
  for (int i = 0; i < max_tokens; ++i) {
    if (matcher.must_end() || (matcher.complete() && random() % 4 == 0)) return text;
    std::vector<int32_t> choices = permitted(matcher.mask());
    std::erase_if(choices, [&](int32_t id) { return trie.is_end(id); });
    if (choices.empty()) std::abort();  // a dead end, which no answer may run into
    int32_t token = choices[random() % choices.size()];
    if (static_cast<int>(random() % static_cast<unsigned>(max_tokens)) < 40 + 2 * i) {
      for (const std::string_view closer : {"\"", "}", "]", "null", "0", "e", "a", "n"}) {
        const auto at = std::ranges::find_if(choices, [&](int32_t id) { return trie.bytes(id) == closer; });
        if (at == choices.end()) continue;
        token = *at;
        break;
      }
    }
    if (!matcher.accept(token)) std::abort();  // the mask said that it may come
    text += trie.bytes(token);
  }
  return matcher.complete() ? std::optional(text) : std::nullopt;
}

}  // namespace ondol
