#include "engine/draft.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

using Tokens = std::vector<int32_t>;

Tokens take(DraftSource& source, const Tokens& answer, int count = 4) {
  const auto span = source.next(answer, count);
  return {span.begin(), span.end()};
}

TEST(DraftSource, StartsWithTheText) {
  DraftSource source({1, 2, 3, 4, 5, 6});
  EXPECT_EQ(take(source, {}), (Tokens{1, 2, 3, 4}));
  EXPECT_EQ(take(source, {1, 2}), (Tokens{3, 4, 5, 6}));
  EXPECT_EQ(take(source, {1, 2, 3, 4, 5}), (Tokens{6}));
  EXPECT_EQ(take(source, {1, 2, 3, 4, 5, 6}), Tokens{});
  EXPECT_EQ(take(source, {1, 2, 3, 4, 5, 6, 7}), Tokens{});
}

TEST(DraftSource, FindsItsWayBackAfterAChange) {
  DraftSource source({1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(take(source, {1, 2, 99}), Tokens{});
  EXPECT_EQ(take(source, {1, 2, 99, 4}), Tokens{});
  EXPECT_EQ(take(source, {1, 2, 99, 4, 5}), Tokens{});
  EXPECT_EQ(take(source, {1, 2, 99, 4, 5, 6}), (Tokens{7, 8, 9}));
}

TEST(DraftSource, PrefersWhatComesLaterInTheText) {
  DraftSource source({7, 7, 7, 1, 2, 3, 4, 5, 7, 7, 7, 9});
  EXPECT_EQ(take(source, {7, 7, 7, 1, 2, 3, 8, 7, 7, 7}), (Tokens{9}));
}

TEST(DraftSource, GoesBackToTheStartIfNothingComesLater) {
  DraftSource source({1, 2, 3, 4, 5});
  EXPECT_EQ(take(source, {1, 2, 3, 4, 5, 1, 2, 3}), (Tokens{4, 5}));
}

TEST(DraftSource, EmptyAndShortTexts) {
  DraftSource none({});
  EXPECT_EQ(take(none, {1, 2, 3, 4}), Tokens{});
  DraftSource one({5});
  EXPECT_EQ(take(one, {}), Tokens{5});
  EXPECT_EQ(take(one, {6, 6, 6, 6}), Tokens{});
  EXPECT_EQ(take(one, {6, 6, 6, 6}, 0), Tokens{});
}

}  // namespace
}  // namespace ondol
