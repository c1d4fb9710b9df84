#include "base/error.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::kInvalidArgument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  ONDOL_TRY(const int first, half(n));
  ONDOL_TRY(const int second, half(first));
  return second;
}

TEST(Error, TryPassesValuesAndErrorsOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(fail(quarter(6).error(), "halving").error().message, "halving: odd");
}

TEST(Error, EveryCodeHasAnErrorStatus) {
  for (int code = 0; code <= static_cast<int>(Code::kPayloadTooLarge); ++code) EXPECT_GE(http_status(static_cast<Code>(code)), 400);
}

TEST(Error, QuotedEscapesWhatATerminalOrLogWouldObey) {
  EXPECT_EQ(quoted("a\n\x1b[2J"), "\"a\\x0a\\x1b[2J\"");
  EXPECT_EQ(quoted("\xff한\"\\"), "\"\\xff한\\\"\\\\\"");
  EXPECT_EQ(quoted("한한한", 4), "\"한한...\"");
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");
}

}  // namespace
}  // namespace ondol
