#include "app/sizes.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(ParseSize, TakesWhatPeopleWrite) {
  EXPECT_EQ(parse_size("4096").value(), 4096u);
  EXPECT_EQ(parse_size("0").value(), 0u);
  EXPECT_EQ(parse_size("2G").value(), 2ull << 30);
  EXPECT_EQ(parse_size("512m").value(), 512ull << 20);
  EXPECT_EQ(parse_size("1.5GiB").value(), 3ull << 29);
  EXPECT_EQ(parse_size("3 KB").value(), 3072u);
  EXPECT_EQ(parse_size("7b").value(), 7u);
}

TEST(ParseSize, RefusesTheRestByName) {
  for (const char* text : {"", "G", "-1", "2X", "2GG", "2Gi", "nan", "inf", "1e3", "2 G B", "0x10"}) {
    const Result<uint64_t> size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code, Code::kInvalidArgument);
    EXPECT_NE(size.error().message.find("2G"), std::string::npos) << text;
  }
  EXPECT_FALSE(parse_size("99999999999999999999"));
  EXPECT_FALSE(parse_size("8388608T"));
}

TEST(FormatSize, HasThreeDigits) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.00 KiB");
  EXPECT_EQ(format_size(1'117'320'768), "1.04 GiB");
  EXPECT_EQ(format_size(98'362'432), "93.8 MiB");
  EXPECT_EQ(format_size((1ull << 30) - 1), "1.00 GiB");
  EXPECT_EQ(format_size(UINT64_MAX), "16.0 EiB");
}

TEST(FormatCount, UsesPowersOfTen) {
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(134'515'008), "135 M");
  EXPECT_EQ(format_count(1'543'714'304), "1.54 B");
}

}  // namespace
}  // namespace ondol
