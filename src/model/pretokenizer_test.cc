#include "model/pretokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "model/tokenizer_test_util.h"

namespace ondol {
namespace {

using Texts = std::vector<std::string>;

Texts cut(std::string_view text, const std::vector<TextRange>& ranges) {
  Texts out;
  for (const auto& [begin, end] : ranges) out.emplace_back(text.substr(begin, end - begin));
  return out;
}

Texts split(SplitRule rule, std::string_view text) {
  std::vector<TextRange> ranges;
  split_text(rule, text, 0, ranges);
  return cut(text, ranges);
}

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kExaoneMoe =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";

TEST(Pretokenizer, Gpt2) {
  EXPECT_EQ(split(SplitRule::kGpt2, "I've 12 cats!!  ok\n\n x"), (Texts{"I", "'ve", " 12", " cats", "!!", " ", " ok", "\n\n", " x"}));
  EXPECT_EQ(split(SplitRule::kGpt2, "I'VE"), (Texts{"I", "'", "VE"})) << "contractions in small letters only";
  EXPECT_EQ(split(SplitRule::kGpt2, "end  "), (Texts{"end", "  "}));
  EXPECT_EQ(split(SplitRule::kGpt2, ""), Texts{});
}

TEST(Pretokenizer, Qwen2AndLlama3DifferInDigits) {
  EXPECT_EQ(split(SplitRule::kQwen2, "I'LL (pay) 1234\n\n  now"),
            (Texts{"I", "'LL", " (", "pay", ")", " ", "1", "2", "3", "4", "\n\n", " ", " now"}));
  EXPECT_EQ(split(SplitRule::kLlama3, "a1234 ½"), (Texts{"a", "123", "4", " ", "½"}));
  EXPECT_EQ(split(SplitRule::kQwen2, "한국의 수도는?\r\n다"), (Texts{"한국의", " 수도는", "?\r\n", "다"}));
}

TEST(Pretokenizer, ExaoneMoeKeepsWordsTogether) {
  EXPECT_EQ(split(SplitRule::kExaoneMoe, "한국의 수도는 서울 1  two words/\n\n"),
            (Texts{"한국의 수도는 서울", " ", "1", " ", " two words", "/\n", "\n"}));
}

TEST(Pretokenizer, Digits) {
  EXPECT_EQ(split(SplitRule::kDigits, "a12 ½b"), (Texts{"a", "1", "2", " ", "½", "b"}));
  EXPECT_EQ(split(SplitRule::kDigitRuns, "a12 ½b"), (Texts{"a", "12", " ", "½", "b"}));
}

TEST(Pretokenizer, RulesByHandEqualTheirRegularExpressions) {
  struct Case {
    SplitRule rule;
    std::string_view pattern;
  };
  for (const auto& [rule, pattern] : {Case{SplitRule::kGpt2, kGpt2}, Case{SplitRule::kQwen2, kQwen2}, Case{SplitRule::kLlama3, kLlama3},
                                      Case{SplitRule::kExaoneMoe, kExaoneMoe}}) {
    EXPECT_EQ(known_pattern(pattern), rule);
    const auto regex = TextPattern::regex(pattern);
    ASSERT_TRUE(regex) << regex.error().message;
    std::mt19937 random(3);
    for (int round = 0; round < 3000; ++round) {
      const std::string text = random_text(random, 16);
      std::vector<TextRange> matches;
      ASSERT_TRUE(TextMatcher(*regex, match_deadline(0)).find_all(text, 0, matches));
      ASSERT_EQ(split(rule, text), cut(text, matches)) << pattern << "\n" << text;
    }
  }
  EXPECT_EQ(known_pattern("\\p{L}"), std::nullopt);
}

Texts run(std::vector<PreStep> steps, std::string_view text, bool at_start = true) {
  Pieces pieces;
  const Status status = PreTokenizer(std::move(steps)).split(text, at_start, pieces);
  if (!status) return {status.error().message};
  return cut(pieces.text, pieces.ranges);
}

PreStep pattern(std::string_view text, SplitBehavior behavior, bool invert = false) {
  return {.kind = PreStep::Kind::kPattern,
          .pattern = std::make_shared<const TextPattern>(TextPattern::literal(std::string(text))),
          .behavior = behavior,
          .invert = invert};
}

TEST(Pretokenizer, BehavioursOfASplit) {
  using enum SplitBehavior;
  const std::string_view text = "--a-b--";
  EXPECT_EQ(run({pattern("-", kIsolated)}, text), (Texts{"-", "-", "a", "-", "b", "-", "-"}));
  EXPECT_EQ(run({pattern("-", kRemoved)}, text), (Texts{"a", "b"}));
  EXPECT_EQ(run({pattern("-", kRemoved, true)}, text), (Texts{"-", "-", "-", "-", "-"}));
  EXPECT_EQ(run({pattern("-", kContiguous)}, text), (Texts{"--", "a", "-", "b", "--"}));
  EXPECT_EQ(run({pattern("-", kMergedWithPrevious)}, text), (Texts{"-", "-", "a-", "b-", "-"}));
  EXPECT_EQ(run({pattern("-", kMergedWithNext)}, text), (Texts{"-", "-a", "-b", "-", "-"}));
}

TEST(Pretokenizer, MarksAndPrefixes) {
  using Kind = PreStep::Kind;
  const PreStep mark = {.kind = Kind::kMark, .mark = "_"};
  const PreStep prefix = {.kind = Kind::kPrefix, .mark = "_"};
  const PreStep first = {.kind = Kind::kFirstPrefix, .mark = "_"};
  EXPECT_EQ(run({mark, prefix, pattern("_", SplitBehavior::kMergedWithNext)}, "a b  c"), (Texts{"_a", "_b", "_", "_c"}));
  EXPECT_EQ(run({mark, prefix}, " a"), (Texts{"_a"})) << "not twice";
  EXPECT_EQ(run({mark, first}, "a", true), (Texts{"_a"}));
  EXPECT_EQ(run({mark, first}, "a", false), (Texts{"a"}));
  EXPECT_EQ(run({{.rule = SplitRule::kDigits}, prefix}, "a1"), (Texts{"_a", "_1"})) << "each piece";
}

TEST(Pretokenizer, APatternThatBacktracksForEverIsStopped) {
  auto regex = TextPattern::regex("(a+)+$");
  ASSERT_TRUE(regex);
  std::vector<TextRange> matches;
  const Status status = TextMatcher(*regex, match_deadline(0)).find_all(std::string(4000, 'a') + "b", 0, matches);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kResourceExhausted);
  EXPECT_FALSE(TextPattern::regex("(a")) << "no regular expression";
  EXPECT_FALSE(TextPattern::regex(""));
}

}  // namespace
}  // namespace ondol
