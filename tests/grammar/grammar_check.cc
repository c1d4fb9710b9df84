// Answers questions about schemas on standard input, one JSON object a line, for check_schema_suite.py:
//   {"schema": S, "texts": [T...], "seeds": [N...]} -> {"refused": REASON} or {"accepted": [BOOL...], "generated": [TEXT or null...]}
// With the path of a GGUF file as its argument it generates with that model's vocabulary, else with a small one.
#include <boost/json.hpp>
#include <cstdio>
#include <iostream>
#include <string>

#include "grammar/grammar_test_util.h"
#include "model/gguf.h"

namespace {

using namespace ondol;
namespace json = boost::json;

json::object answer(const json::object& question, const std::shared_ptr<const TokenTrie>& trie) {
  const auto grammar = Grammar::compile(spec_schema(question.at("schema")));
  if (!grammar) return {{"refused", grammar.error().message}};
  const auto tokens = std::make_shared<TokenGrammar>(*grammar, trie);
  json::array accepted;
  for (const json::value& text : question.at("texts").as_array()) {
    GrammarMatcher matcher(tokens);
    accepted.push_back(matcher.accept_bytes(std::string_view(text.as_string())) && matcher.complete());
  }
  json::array generated;
  for (const json::value& seed : question.at("seeds").as_array()) {
    std::mt19937 random(seed.to_number<unsigned>());
    const auto text = random_answer(GrammarMatcher(tokens), *trie, random, 300);
    generated.push_back(text ? json::value(*text) : json::value(nullptr));
  }
  return {{"accepted", std::move(accepted)}, {"generated", std::move(generated)}};
}

std::shared_ptr<const TokenTrie> trie_of(const char* path) {
  const auto file = GgufFile::open(path);
  if (!file) return nullptr;
  const auto tokenizer = Tokenizer::from_gguf(*file);
  return tokenizer ? TokenTrie::build(**tokenizer) : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const auto trie = argc > 1 ? trie_of(argv[1]) : small_json_trie();
  if (trie == nullptr) {
    std::fprintf(stderr, "%s has no tokenizer that can be read\n", argv[1]);
    return 1;
  }
  const json::parse_options options{.max_depth = 200};
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << json::serialize(answer(json::parse(line, {}, options).as_object(), trie)) << std::endl;
  }
  return 0;
}
