#include "model/tokenizer_normalize.h"

#include <gtest/gtest.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <random>

#include "model/tokenizer_marks.h"

namespace ondol {
namespace {

using enum Normalizer::Kind;

std::string run(const std::vector<Normalizer>& steps, std::string_view text) {
  std::string buffer;
  const auto result = normalize(steps, text, buffer);
  return result ? std::string(*result) : result.error().message;
}

Normalizer replace(TextPattern pattern, std::string content) {
  return {.kind = kReplace, .pattern = std::make_shared<const TextPattern>(std::move(pattern)), .content = std::move(content)};
}

TEST(Normalize, Forms) {
  const std::string jamo = "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB";  // 한, decomposed
  EXPECT_EQ(run({{.kind = kNfc}}, jamo), "한");
  EXPECT_EQ(run({{.kind = kNfd}}, "한"), jamo);
  EXPECT_EQ(run({{.kind = kNfkc}}, "ﬁ①ＡＢ"), "fi1AB");
  EXPECT_EQ(run({{.kind = kNfkd}}, "ﬁé"), "fie\xCC\x81");
  EXPECT_EQ(run({{.kind = kNfc}}, "plain"), "plain");
  EXPECT_EQ(run({}, "plain"), "plain");
}

TEST(Normalize, Steps) {
  EXPECT_EQ(run({{.kind = kPrepend, .content = "_"}}, "a"), "_a");
  EXPECT_EQ(run({{.kind = kPrepend, .content = "_"}}, ""), "") << "nothing in front of nothing";
  EXPECT_EQ(run({replace(TextPattern::literal(" "), "_")}, " a  b"), "_a__b");
  EXPECT_EQ(run({replace(*TextPattern::regex(" {2,}"), "+")}, " a   b"), " a+b");
  EXPECT_EQ(run({{.kind = kLowercase}}, "ABCÉΣİ"), "abcéσi\xCC\x87");
  EXPECT_EQ(run({{.kind = kStrip, .left = true, .right = true}}, "\xE3\x80\x80 a b \n"), "a b");
  EXPECT_EQ(run({{.kind = kStrip, .right = true}}, " a "), " a");
  EXPECT_EQ(run({{.kind = kStrip, .left = true}}, " \n"), "");
  EXPECT_EQ(run({{.kind = kPrepend, .content = " "}, replace(TextPattern::literal(" "), "_")}, "a b"), "_a_b") << "one after the other";
}

TEST(Normalize, GrowthIsBounded) {
  const std::string content(1000, 'x');
  const std::vector<Normalizer> steps = {replace(TextPattern::literal("a"), content), replace(TextPattern::literal("x"), content)};
  std::string buffer;
  const auto result = normalize(steps, std::string(1000, 'a'), buffer);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kResourceExhausted);
}

std::string icu_form(const icu::Normalizer2* form, std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  form->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, error);
  EXPECT_TRUE(U_SUCCESS(error));
  return out;
}

TEST(Normalize, OrderingLongRunsOfMarksChangesNoForm) {
  static const char* const kMarks[] = {"\xCC\x81",     "\xCC\xA3",     "\xCD\x84", "\xE0\xBD\xB3",    "\xE0\xBD\xB1",
                                       "\xE3\x82\x99", "\xEF\xBE\x9E", "\xD6\xB0", "\xF0\x9D\x85\xA5"};
  std::mt19937 random(5);
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  const icu::Normalizer2* nfkd = icu::Normalizer2::getNFKDInstance(error);
  ASSERT_TRUE(U_SUCCESS(error));
  for (int round = 0; round < 100; ++round) {
    std::string text;
    for (int part = 0; part < 3; ++part) {
      text += part == 0 ? "é" : "가";
      for (int i = 0; i < 100; ++i) text += kMarks[random() % std::size(kMarks)];
    }
    EXPECT_TRUE(has_long_mark_run(text));
    EXPECT_EQ(icu_form(nfc, order_marks(text, false)), icu_form(nfc, text));
    EXPECT_EQ(icu_form(nfkd, order_marks(text, true)), icu_form(nfkd, text));
    EXPECT_EQ(run({{.kind = kNfc}}, text), icu_form(nfc, text));
  }
  EXPECT_FALSE(has_long_mark_run("한국어 e\xCC\x81 text"));
}

TEST(Normalize, AlternatingMarksAreNotSquare) {
  std::string text = "a";
  for (int i = 0; i < 100'000; ++i) text += "\xCC\x81\xCC\xA3";
  const std::string normal = run({{.kind = kNfc}}, text);
  EXPECT_TRUE(normal.starts_with("ạ\xCC\xA3\xCC\xA3")) << "the mark below joins the letter, the others below come first";
  EXPECT_EQ(normal.size(), text.size());
}

}  // namespace
}  // namespace ondol
