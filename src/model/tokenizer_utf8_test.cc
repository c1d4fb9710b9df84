#include "model/tokenizer_utf8.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(Utf8, TellsWholeTruncatedAndInvalidSequences) {
  const auto is = [](std::string_view text, Utf8Form form, uint32_t bytes) {
    const Utf8Sequence sequence = utf8_sequence(text);
    return sequence.form == form && sequence.bytes == bytes;
  };
  EXPECT_TRUE(is("a\xFF", Utf8Form::kComplete, 1));
  EXPECT_TRUE(is("한국", Utf8Form::kComplete, 3));
  EXPECT_TRUE(is("😀", Utf8Form::kComplete, 4));
  EXPECT_TRUE(is("\xF4\x8F\xBF\xBF", Utf8Form::kComplete, 4));
  EXPECT_TRUE(is("\xED\x95", Utf8Form::kTruncated, 2));
  EXPECT_TRUE(is("\xF0", Utf8Form::kTruncated, 1));
  EXPECT_TRUE(is("\xF0\x9F\x98", Utf8Form::kTruncated, 3));
  EXPECT_TRUE(is("\x80", Utf8Form::kInvalid, 1)) << "a continuation";
  EXPECT_TRUE(is("\xC0\x80", Utf8Form::kInvalid, 1)) << "overlong";
  EXPECT_TRUE(is("\xE0\x80\x80", Utf8Form::kInvalid, 1)) << "overlong";
  EXPECT_TRUE(is("\xED\xA0\x80", Utf8Form::kInvalid, 1)) << "a surrogate";
  EXPECT_TRUE(is("\xF4\x90\x80\x80", Utf8Form::kInvalid, 1)) << "above U+10FFFF";
  EXPECT_TRUE(is("\xF0\x9F\x98z", Utf8Form::kInvalid, 3)) << "one maximal subpart";
  EXPECT_TRUE(is("\xE3\x81z", Utf8Form::kInvalid, 2));
}

TEST(Utf8, FindsTheFirstInvalidByteWhereverItStands) {
  for (size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    EXPECT_EQ(find_invalid_utf8(text), std::string::npos);
    EXPECT_TRUE(is_ascii(text));
    text[at] = '\xFE';
    EXPECT_EQ(find_invalid_utf8(text), at);
    EXPECT_FALSE(is_ascii(text));
  }
  EXPECT_EQ(find_invalid_utf8("가나다라마바사아자차카타파하"), std::string::npos);
  EXPECT_EQ(find_invalid_utf8("가나다라마바사\xEC\x95"), 21u);
  EXPECT_EQ(find_invalid_utf8(""), std::string::npos);
}

TEST(Utf8, EncodesWhatItDecodes) {
  for (const uint32_t point : {0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(text, point);
    EXPECT_EQ(find_invalid_utf8(text), std::string::npos) << point;
    EXPECT_EQ(decode_utf8(text, 0).point, point);
    EXPECT_EQ(decode_utf8(text, 0).bytes, text.size());
  }
}

}  // namespace
}  // namespace ondol
