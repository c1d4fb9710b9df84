#include "grammar/matcher.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <thread>

#include "grammar/grammar_test_util.h"

namespace ondol {
namespace {

GrammarTester tester_of(const GrammarSpec& spec) {
  auto tester = GrammarTester::make(spec);
  EXPECT_TRUE(tester) << (tester ? "" : tester.error().message);
  return *tester;
}

bool in(std::span<const uint64_t> mask, int32_t id) { return (mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0; }

// The mask says of every token what taking its bytes says.
void expect_exact_mask(GrammarMatcher matcher, const TokenTrie& trie) {
  const auto mask = matcher.mask();
  ASSERT_EQ(mask.size(), trie.mask_words());
  for (int32_t id = 0; id < trie.vocab_size(); ++id) {
    GrammarMatcher copy = matcher;
    EXPECT_EQ(in(mask, id), copy.accept(id)) << "token " << id << " " << trie.bytes(id);
  }
}

TEST(TokenTrieTest, HoldsEveryTokenOnceAndTwinsTogether) {
  const auto trie = TokenTrie::build({"a", "ab", "", "abc", "b", "ab", "\"", "\xED", "<end>"}, {8});
  EXPECT_EQ(trie->vocab_size(), 9);
  std::vector<int32_t> seen;
  for (const TokenTrie::Node& node : trie->all()) {
    EXPECT_LE(node.end, trie->all().size());
    if (node.token >= 0) seen.push_back(node.token);
    if (node.token == 1) {
      EXPECT_TRUE(node.twins);
    }
  }
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<int32_t>{0, 1, 3, 4, 6, 7}));
  EXPECT_EQ(std::vector<int32_t>(trie->twins(1).begin(), trie->twins(1).end()), std::vector<int32_t>{5});
  EXPECT_TRUE(trie->twins(0).empty());
  EXPECT_EQ(permitted(trie->plain_mask()), (std::vector<int32_t>{0, 1, 3, 4, 5}));
  EXPECT_EQ(trie->bytes(8), "");
  EXPECT_TRUE(trie->is_end(8));
}

TEST(MatcherTest, MasksAreExactAlongAnAnswer) {
  const auto trie = small_json_trie();
  const auto tester = *GrammarTester::of_schema(
      R"({"type":"object","properties":{"name":{"type":"string","maxLength":20},"n":{"type":"array","items":{"type":"integer"}}},"required":["name"]})");
  GrammarMatcher matcher = tester.matcher();
  for (const char c : std::string_view(R"({"name": "the \u00e9 한", "n":[12, -3]})")) {
    expect_exact_mask(matcher, *trie);
    ASSERT_TRUE(matcher.accept(static_cast<uint8_t>(c)));
  }
  expect_exact_mask(matcher, *trie);
  EXPECT_TRUE(matcher.must_end());
}

TEST(MatcherTest, EndTokensComeExactlyWhenComplete) {
  const auto trie = small_json_trie();
  const int32_t end = trie->end_ids()[0];
  GrammarMatcher matcher = tester_of(spec_regex("ab*")).matcher();
  EXPECT_FALSE(matcher.complete());
  EXPECT_FALSE(in(matcher.mask(), end));
  EXPECT_FALSE(matcher.accept(end));
  ASSERT_TRUE(matcher.accept('a'));
  EXPECT_TRUE(matcher.complete());
  EXPECT_FALSE(matcher.must_end());
  EXPECT_TRUE(in(matcher.mask(), end));
  EXPECT_FALSE(matcher.accept('x'));
  EXPECT_FALSE(matcher.accept(-1));
  EXPECT_FALSE(matcher.accept(1 << 20));
  ASSERT_TRUE(matcher.accept('b'));
  ASSERT_TRUE(matcher.accept(end));
  EXPECT_TRUE(matcher.must_end());
  EXPECT_EQ(permitted(matcher.mask()), std::vector<int32_t>{end});
  EXPECT_FALSE(matcher.accept('b'));
  EXPECT_TRUE(matcher.accept(end));
}

TEST(MatcherTest, ForcedTextIsWhatEveryAnswerBeginsWith) {
  GrammarMatcher matcher = tester_of(spec_sequence({spec_literal("<call>"), spec_choice({spec_literal("get_a"), spec_literal("get_b")}),
                                                    spec_literal(std::string(600, 'x'))}))
                               .matcher();
  EXPECT_EQ(matcher.forced(), "<call>get_");
  ASSERT_TRUE(matcher.accept_bytes("<call>get_"));
  EXPECT_EQ(matcher.forced(), "");
  ASSERT_TRUE(matcher.accept_bytes("a"));
  EXPECT_EQ(matcher.forced(), std::string(GrammarMatcher::kMaxForcedBytes, 'x'));
  GrammarMatcher open = tester_of(spec_regex("a?")).matcher();
  EXPECT_EQ(open.forced(), "");
}

TEST(MatcherTest, PartsOfASpecFollowOneAnother) {
  const GrammarSpec call = spec_sequence({spec_literal("<tool_call>\n{\"name\": \"f\", \"arguments\": "),
                                          spec_schema(boost::json::parse(R"({"type":"object","properties":{"x":{"type":"integer"}}})")),
                                          spec_literal("}\n</tool_call>")});
  const auto tester = tester_of(spec_sequence({spec_free_text({"<tool_call>"}), spec_repeat(call, 0, 2)}));
  EXPECT_TRUE(tester.accepts("Just text, 하나 <tool"));
  EXPECT_TRUE(tester.accepts("so: <tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>"));
  EXPECT_FALSE(tester.accepts("so: <tool_call> whatever"));
  EXPECT_FALSE(tester.accepts("so: <tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call> and more"));
  const auto repeated = tester_of(spec_repeat(spec_literal("ab"), 1, std::nullopt));
  EXPECT_TRUE(repeated.accepts("ababab"));
  EXPECT_FALSE(repeated.accepts(""));
  const auto any = tester_of(spec_sequence({spec_any_object(), spec_literal("\n"), spec_any_json()}));
  EXPECT_TRUE(any.accepts("{\"a\": [1]}\nnull"));
  EXPECT_FALSE(any.accepts("[]\nnull"));
}

TEST(MatcherTest, SpecsThatCannotBeAreRefused) {
  EXPECT_FALSE(GrammarTester::make(spec_choice({})));
  EXPECT_FALSE(GrammarTester::make(spec_free_text({""})));
  EXPECT_FALSE(GrammarTester::make(spec_repeat(spec_literal("a"), 3, 2)));
  EXPECT_FALSE(GrammarTester::make(spec_repeat(spec_literal("a"), 100'000, std::nullopt)));
  EXPECT_FALSE(GrammarTester::make(spec_literal(std::string(2 << 20, 'a'))));
  GrammarSpec deep = spec_literal("a");
  for (int i = 0; i < 100; ++i) deep = spec_sequence({deep});
  EXPECT_FALSE(GrammarTester::make(deep));
}

TEST(MatcherTest, AnswersDoNotDependOnTheCache) {
  const auto trie = small_json_trie();
  const auto grammar = *Grammar::compile(spec_any_json());
  const auto roomy = std::make_shared<TokenGrammar>(grammar, trie);
  const auto tight = std::make_shared<TokenGrammar>(grammar, trie, 4096);
  GrammarMatcher a(roomy);
  GrammarMatcher b(tight);
  GrammarMatcher waiting(tight);  // keeps an old cache while the others go on
  for (const char c : std::string_view(R"({"a": [1, {"b": "c\n", "d": [[true]]}], "e": -1.5e9})")) {
    ASSERT_TRUE(std::ranges::equal(a.mask(), b.mask()));
    ASSERT_TRUE(a.accept(static_cast<uint8_t>(c)));
    ASSERT_TRUE(b.accept(static_cast<uint8_t>(c)));
    ASSERT_EQ(a.forced(), b.forced());
  }
  EXPECT_TRUE(b.complete());
  EXPECT_TRUE(std::ranges::equal(waiting.mask(), GrammarMatcher(roomy).mask()));
  EXPECT_LT(tight->cache_bytes(), 200'000U);
}

TEST(MatcherTest, ManyThreadsShareOneGrammar) {
  const auto trie = small_json_trie();
  const auto shared = std::make_shared<TokenGrammar>(*Grammar::compile(spec_any_json()), trie, 100'000);
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 5; ++i) {
        const auto text = random_answer(GrammarMatcher(shared), *trie, random, 300);
        if (text) {
          EXPECT_NO_THROW(boost::json::parse(*text)) << *text;
        }
      }
    });
  }
}

}  // namespace
}  // namespace ondol
