#include "grammar/char_dfa.h"

#include <gtest/gtest.h>

#include "grammar/number_dfa.h"
#include "grammar/regex.h"

namespace ondol {
namespace {

class CharDfaTest : public testing::Test {
 protected:
  CharDfa regex(std::string_view pattern, RegexUse use = RegexUse::kWhole, bool wide = false) {
    auto dfa = compile_regex(pattern, use, wide, budget_);
    EXPECT_TRUE(dfa) << pattern << ": " << (dfa ? "" : dfa.error().message);
    return dfa ? *dfa : CharDfa{};
  }
  std::string regex_error(std::string_view pattern) {
    const auto dfa = compile_regex(pattern, RegexUse::kSearch, false, budget_);
    return dfa ? "" : dfa.error().message;
  }
  CompileBudget budget_{GrammarLimits{}};
};

TEST_F(CharDfaTest, SetsAreSortedMergedAndWithoutSurrogates) {
  const CharSet set({{'c', 'd'}, {'a', 'b'}, {'x', 'x'}, {0xD000, 0xE000}});
  EXPECT_EQ(set.ranges(), (std::vector<CharSet::Range>{{'a', 'd'}, {'x', 'x'}, {0xD000, 0xD7FF}, {0xE000, 0xE000}}));
  EXPECT_TRUE(set.complement().intersect(set).empty());
  EXPECT_EQ(set.complement().unite(set), CharSet::any());
  EXPECT_TRUE(set.contains('b'));
  EXPECT_FALSE(set.contains('e'));
  EXPECT_TRUE(word_chars(true).includes(word_chars(false)));
  EXPECT_TRUE(word_chars(true).contains(U'한'));
  EXPECT_FALSE(word_chars(false).contains(U'한'));
  EXPECT_FALSE(property_chars("No_Such_Thing"));
}

TEST_F(CharDfaTest, MatchesWholeTexts) {
  EXPECT_TRUE(regex("a|b").matches("a"));
  EXPECT_FALSE(regex("a|b").matches("ab"));
  EXPECT_TRUE(regex("(foo|ba[rz])+?").matches("foobarbaz"));
  EXPECT_TRUE(regex("a{2,3}").matches("aaa"));
  EXPECT_FALSE(regex("a{2,3}").matches("aaaa"));
  EXPECT_FALSE(regex("a{2}").matches("a"));
  EXPECT_TRUE(regex("a{2,}").matches("aaaaa"));
  EXPECT_TRUE(regex("{a{b}").matches("{a{b}"));
  EXPECT_TRUE(regex("[^a-c]").matches("한"));
  EXPECT_FALSE(regex("[^a-c]").matches("b"));
  EXPECT_TRUE(regex("[\\w-]+").matches("a-b"));
  EXPECT_TRUE(regex(R"(\u{1F600}\x41B)").matches("😀AB"));
  EXPECT_TRUE(regex("\\uD83D\\uDE00").matches("😀"));
  EXPECT_TRUE(regex("(?<year>\\d{4})").matches("2024"));
  EXPECT_TRUE(regex("\\p{Script=Hangul}+").matches("한국"));
  EXPECT_FALSE(regex("\\p{Script=Hangul}+").matches("abc"));
  EXPECT_TRUE(regex("").matches(""));
}

TEST_F(CharDfaTest, SearchesUnlessAnchored) {
  EXPECT_TRUE(regex("b", RegexUse::kSearch).matches("abc"));
  EXPECT_FALSE(regex("^b", RegexUse::kSearch).matches("abc"));
  EXPECT_TRUE(regex("^a|c$", RegexUse::kSearch).matches("xxc"));
  EXPECT_TRUE(regex("^a|c$", RegexUse::kSearch).matches("axx"));
  EXPECT_FALSE(regex("^a|c$", RegexUse::kSearch).matches("xax"));
  EXPECT_FALSE(regex("^(a$)", RegexUse::kSearch).matches("ab"));
  EXPECT_TRUE(regex("^$", RegexUse::kSearch).matches(""));
  EXPECT_FALSE(regex("^$", RegexUse::kSearch).matches("a"));
  EXPECT_TRUE(regex("a^b", RegexUse::kSearch).empty());
}

TEST_F(CharDfaTest, TakesTheNarrowAndTheWideMeaning) {
  EXPECT_FALSE(regex("\\d").matches("٣"));
  EXPECT_TRUE(regex("\\d", RegexUse::kWhole, true).matches("٣"));
  EXPECT_FALSE(regex("\\D").matches("٣"));
  EXPECT_TRUE(regex("\\D", RegexUse::kWhole, true).matches("٣"));
  EXPECT_FALSE(regex("[^\\d]").matches("٣"));
  EXPECT_FALSE(regex("\\W").matches("한"));
  EXPECT_FALSE(regex("[^\\w]").matches("한"));
  EXPECT_FALSE(regex(".").matches("\r"));
  EXPECT_TRUE(regex(".", RegexUse::kWhole, true).matches("\r"));
  EXPECT_FALSE(regex(".", RegexUse::kWhole, true).matches("\n"));
}

TEST_F(CharDfaTest, RefusesByNameAndOffset) {
  EXPECT_NE(regex_error("a(?=b)").find("lookaround"), std::string::npos);
  EXPECT_NE(regex_error("a(?=b)").find("offset 4"), std::string::npos);
  EXPECT_NE(regex_error("(a)\\1").find("backreferences"), std::string::npos);
  EXPECT_NE(regex_error("\\bword").find("\\b"), std::string::npos);
  for (const char* bad : {"(", ")", "[a", "*a", "a**", "a{3,2}", "\\", "(?i)a", "\\p{Nope}", "[z-a]", "\\uD800", "\\x1", "a{99999}", "^*",
                          "a{,2}", "a{2}{3}", "{2}", "[]", "[^]a]"}) {
    EXPECT_NE(regex_error(bad), "") << bad;
  }
}

TEST_F(CharDfaTest, RefusesBombsInTime) {
  EXPECT_NE(regex_error("(a{1000}){1000}"), "");
  EXPECT_NE(regex_error("((((((x{100}){100}){100}){100}){100}){100})"), "");
  EXPECT_NE(regex_error("(a|b)*a(a|b){18}"), "");
  EXPECT_NE(regex_error(std::string(100'000, '(')), "");
  regex_error("((){10000}){10000}");  // refused for its time or taken, as the machine is: but it comes back
}

TEST_F(CharDfaTest, CombinesLanguages) {
  const CharDfa length = *dfa_of_length(2, 3, budget_);
  EXPECT_FALSE(length.matches("한"));
  EXPECT_TRUE(length.matches("한글"));
  const CharDfa both = *dfa_intersect(regex("[ab]*"), length, budget_);
  EXPECT_TRUE(both.matches("aba"));
  EXPECT_FALSE(both.matches("abab"));
  EXPECT_FALSE(both.matches("한글"));
  const CharDfa other = *dfa_complement(*dfa_of_texts({"id", "ids", "이름"}, budget_), budget_);
  for (const char* in : {"", "i", "idx", "idsx", "이", "이름들"}) EXPECT_TRUE(other.matches(in)) << in;
  for (const char* out : {"id", "ids", "이름"}) EXPECT_FALSE(other.matches(out)) << out;
  const CharDfa without = *dfa_without({"<end>", "e<"}, budget_);
  EXPECT_TRUE(without.matches("<e <en> <<end"));
  EXPECT_FALSE(without.matches("a<<end>"));
  EXPECT_FALSE(without.matches("<e<"));
  EXPECT_TRUE(dfa_intersect(regex("a+"), regex("b+"), budget_)->empty());
}

TEST_F(CharDfaTest, CountsNumbersBetweenBounds) {
  const auto bound = [](double value, bool strict = false) { return number_bound(boost::json::value(value), strict); };
  const auto whole = [](int64_t value) { return number_bound(boost::json::value(value), false); };
  const CharDfa ints = *dfa_of_numbers({.lo = whole(-12), .hi = whole(105), .integer = true}, budget_);
  for (int i = -300; i <= 1300; ++i) EXPECT_EQ(ints.matches(std::to_string(i)), i >= -12 && i <= 105) << i;
  for (const char* no : {"", "-", "00", "-0", "1.0", "007", "1e1"}) EXPECT_FALSE(ints.matches(no)) << no;
  const CharDfa sevens = *dfa_of_numbers({.lo = {}, .hi = whole(700), .integer = true, .multiple = 7}, budget_);
  for (int i = -800; i <= 800; ++i) EXPECT_EQ(sevens.matches(std::to_string(i)), i % 7 == 0 && i <= 700) << i;
  const CharDfa reals = *dfa_of_numbers({.lo = bound(-1.25), .hi = bound(10.5, true)}, budget_);
  for (int i = -3000; i <= 12000; i += 7) {
    const double value = i / 1000.0;
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", value);
    if (std::string_view(text).starts_with("-0.000")) continue;
    EXPECT_EQ(reals.matches(text), value >= -1.25 && value < 10.5) << text;
  }
  EXPECT_TRUE(reals.matches("-1.25"));
  EXPECT_TRUE(reals.matches("-1.250"));
  EXPECT_FALSE(reals.matches("-1.2500000001"));
  EXPECT_FALSE(reals.matches("10.5"));
  EXPECT_TRUE(reals.matches("10.49999"));
  EXPECT_FALSE(reals.matches("-2"));
  EXPECT_TRUE(reals.matches("-1"));
  EXPECT_TRUE(reals.matches("10"));
}

}  // namespace
}  // namespace ondol
