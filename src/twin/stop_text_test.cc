#include "twin/stop_text.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

std::string all(StopText& text, const std::vector<std::string>& tokens) {
  std::string shown;
  for (const std::string& token : tokens) {
    shown += text.push(token, true);
    if (text.hit()) return shown;
  }
  return shown + text.finish();
}

TEST(StopText, WithoutStopStringsNothingIsHeldBack) {
  StopText text;
  EXPECT_EQ(text.push("a", true), "a");
  EXPECT_FALSE(text.hit());
  EXPECT_EQ(text.finish(), "");
}

TEST(StopText, EndsBeforeAStopStringHoweverTheTextIsCut) {
  const std::string whole = "one two three";
  for (size_t size = 1; size <= whole.size(); ++size) {
    std::vector<std::string> tokens;
    for (size_t at = 0; at < whole.size(); at += size) tokens.push_back(whole.substr(at, size));
    StopText text({"two"});
    EXPECT_EQ(all(text, tokens), "one ") << size;
    ASSERT_TRUE(text.hit());
    EXPECT_EQ(text.stop(), "two");
    StopText kept({"two"}, true);
    EXPECT_EQ(all(kept, tokens), "one two") << size;
    StopText none({"four", "threw"});
    EXPECT_EQ(all(none, tokens), whole) << size;
    EXPECT_FALSE(none.hit());
  }
}

TEST(StopText, OneThatOverlapsItselfIsFound) {
  StopText text({"aab"});
  EXPECT_EQ(all(text, {"a", "a", "a", "b"}), "a");
  EXPECT_TRUE(text.hit());
}

TEST(StopText, OfSeveralInOneTokenTheFirstNamedCounts) {
  StopText text({"c", "b"});
  EXPECT_EQ(all(text, {"abcd"}), "ab");
  EXPECT_EQ(text.stop(), "c");
}

TEST(StopText, WhatEndsUnlookedAtIsNotFoundButMayBegin) {
  StopText text({"ab"});
  std::string shown = text.push("ab", false);
  shown += text.push("a", false);
  EXPECT_FALSE(text.hit());
  shown += text.push("b", true);
  EXPECT_TRUE(text.hit());
  EXPECT_EQ(shown, "ab");
}

TEST(StopText, CharactersStayWhole) {
  StopText text({"\xEB\x81\x9D"});                                         // "끝"
  EXPECT_EQ(text.push("\xEC\x9D\xB4\xEC\xA0\x9C", true), "\xEC\x9D\xB4");  // "이제": the second may still be held back
  EXPECT_EQ(text.push("\xEB\x81\x9D", true), "\xEC\xA0\x9C");
  EXPECT_TRUE(text.hit());
}

}  // namespace
}  // namespace ondol
