#include "model/tokenizer_added.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

// "plain[ID]plain": what is found, as a readable string.
std::string found(const AddedTokens& added, std::string_view text, bool with_special = true) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const AddedTokens::Match match = added.find(text, at, with_special);
    out += text.substr(at, match.begin - at);
    if (match.id >= 0) out += "[" + std::to_string(match.id) + "]";
    at = match.end;
  }
  return out;
}

TEST(AddedTokens, TheLeftmostAndOfThoseTheLongest) {
  const auto added =
      AddedTokens::make({{.id = 1, .text = "ab"}, {.id = 2, .text = "abcd"}, {.id = 3, .text = "bcde"}, {.id = 4, .text = "한"}});
  ASSERT_TRUE(added);
  EXPECT_EQ(found(*added, "xabcde"), "x[2]e");
  EXPECT_EQ(found(*added, "abc bcde"), "[1]c [3]");
  EXPECT_EQ(found(*added, "abcab"), "[1]c[1]");
  EXPECT_EQ(found(*added, "가한"), "가[4]");
  EXPECT_EQ(found(*added, "bcd"), "bcd");
  EXPECT_EQ(found(AddedTokens(), "abc"), "abc");
}

TEST(AddedTokens, RunsOfSpacesAreCutGreedily) {
  std::vector<AddedToken> tokens;
  for (int32_t length = 2; length <= 31; ++length) tokens.push_back({.id = length, .text = std::string(static_cast<size_t>(length), ' ')});
  const auto added = AddedTokens::make(std::move(tokens));
  ASSERT_TRUE(added);
  EXPECT_EQ(found(*added, "a" + std::string(64, ' ') + "b"), "a[31][31][2]b");
  EXPECT_EQ(found(*added, "a b"), "a b");
}

TEST(AddedTokens, SpecialOnesAreTextUnlessAskedFor) {
  const auto added = AddedTokens::make({{.id = 1, .text = "<|end|>", .special = true}, {.id = 2, .text = "<|"}});
  ASSERT_TRUE(added);
  EXPECT_EQ(found(*added, "a<|end|>"), "a[1]");
  EXPECT_EQ(found(*added, "a<|end|>", false), "a[2]end|>") << "a shorter one that is not special still counts";
}

TEST(AddedTokens, StripAndSingleWord) {
  const auto added =
      AddedTokens::make({{.id = 1, .text = "<m>", .strip_left = true, .strip_right = true}, {.id = 2, .text = "fox", .single_word = true}});
  ASSERT_TRUE(added);
  EXPECT_EQ(found(*added, "a \n<m>\xE3\x80\x80 b"), "a[1]b");
  EXPECT_EQ(found(*added, "<m> <m>"), "[1][1]") << "the space went to the first";
  EXPECT_EQ(found(*added, "fox foxes 한fox _fox (fox)"), "[2] foxes 한fox _fox ([2])");
}

TEST(AddedTokens, RefusesWhatItCannotFindQuickly) {
  EXPECT_FALSE(AddedTokens::make({{.id = 1, .text = ""}}));
  EXPECT_EQ(AddedTokens::make({{.id = 1, .text = "a"}, {.id = 2, .text = "a"}}).error().message, "added tokens 1 and 2 are both \"a\"");
  EXPECT_TRUE(AddedTokens::make({{.id = 1, .text = std::string(AddedTokens::kMaxBytes, 'a')}}));
  EXPECT_FALSE(AddedTokens::make({{.id = 1, .text = std::string(AddedTokens::kMaxBytes + 1, 'a')}}));
}

}  // namespace
}  // namespace ondol
