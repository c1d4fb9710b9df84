#include "gateway/stop_strings.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

struct Seen {
  std::string text;
  bool hit = false;
};

Seen run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopStrings matcher(stops);
  Seen seen;
  for (const std::string& piece : pieces) seen.text += matcher.push(piece);
  seen.text += matcher.finish();
  seen.hit = matcher.hit();
  return seen;
}

// The rule of the header, searched the slow way.
Seen expected(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

struct Case {
  std::vector<std::string> stops;
  std::string text;
};

const std::vector<Case> kCases = {
    {{}, "nothing to stop at"},
    {{"stop"}, "go on, stopstop, no more"},
    {{"stop"}, "sto sto ssstop"},
    {{"aab"}, "aaaaab"},
    {{"abab", "babb"}, "ababab babb"},
    {{"abcd", "bc"}, "xabcdx"},
    {{"c", "abc"}, "ababc"},
    {{"\n\n"}, "one\ntwo\n\nthree"},
    {{"끝"}, "아직 끝이 아니다, 끄읕"},
    {{"nothing of this"}, "nothing of thi"},
    {{"x"}, "x"},
    {{"aaaa"}, "aaabaaabaaaa"},
    {{"abcabd"}, "abcabcabd!"},
};

TEST(StopStrings, FindTheSameInAnyCut) {
  for (const Case& c : kCases) {
    const Seen want = expected(c.stops, c.text);
    for (size_t cut = 0; cut <= c.text.size(); ++cut) {
      const Seen seen = run(c.stops, {c.text.substr(0, cut), c.text.substr(cut)});
      EXPECT_EQ(seen.text, want.text) << c.text << " cut at " << cut;
      EXPECT_EQ(seen.hit, want.hit) << c.text << " cut at " << cut;
    }
    for (size_t size = 1; size <= 3; ++size) {
      std::vector<std::string> pieces;
      for (size_t at = 0; at < c.text.size(); at += size) pieces.push_back(c.text.substr(at, size));
      EXPECT_EQ(run(c.stops, pieces).text, want.text) << c.text << " in pieces of " << size;
    }
  }
}

TEST(StopStrings, HoldsBackOnlyWhatMayBecomeOne) {
  StopStrings matcher({"<end>", "done"});
  EXPECT_EQ(matcher.push("hello <"), "hello ");
  EXPECT_EQ(matcher.push("en"), "");
  EXPECT_EQ(matcher.push(""), "");
  EXPECT_EQ(matcher.push("t"), "<ent");
  EXPECT_EQ(matcher.push("<<end"), "<");
  EXPECT_FALSE(matcher.hit());
  EXPECT_EQ(matcher.push("> more"), "");
  EXPECT_TRUE(matcher.hit());
  EXPECT_EQ(matcher.push("and more"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopStrings, WorstCaseIsLinear) {
  // 16 stop strings of 1 KiB that almost match at every byte: a search that starts over at each would take 16 * 1024 * 1 M steps.
  const std::vector<std::string> stops(16, std::string(1023, 'a') + "b");
  StopStrings matcher(stops);
  size_t shown = 0;
  for (int i = 0; i < 64; ++i) shown += matcher.push(std::string(16 << 10, 'a')).size();
  EXPECT_EQ(shown, (1u << 20) - 1023);
}

}  // namespace
}  // namespace ondol
