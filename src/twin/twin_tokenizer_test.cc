#include "twin/twin_tokenizer.h"

#include <gtest/gtest.h>

#include <random>

namespace ondol {
namespace {

TEST(TwinTokenizer, BytesHaveTheIdsOfAByteLevelVocabulary) {
  const TwinTokenizer bytes(1);
  EXPECT_EQ(bytes.encode("hello there"), (std::vector<int32_t>{73, 70, 77, 77, 80, 222, 85, 73, 70, 83, 70}));
  EXPECT_EQ(bytes.decode(std::vector<int32_t>{10, 11, 12}), ")*+");
}

TEST(TwinTokenizer, TextComesBack) {
  for (const int piece_bytes : {1, 2, 3, 4}) {
    const TwinTokenizer tokenizer(piece_bytes);
    for (const std::string_view text : {"", "a", "hello there, friend", "한국어 문장과 English", "\n\t\x01", "é𝄞\x7f"}) {
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << piece_bytes;
    }
  }
}

TEST(TwinTokenizer, AnyBytesComeBack) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? random() % 256 : random() % 128);
    EXPECT_EQ(TwinTokenizer().decode(TwinTokenizer().encode(text)), text);
  }
}

TEST(TwinTokenizer, TakesAboutAsManyTokensAsARealOne) {
  EXPECT_EQ(TwinTokenizer().encode("The quick brown fox jumps over the lazy dog.").size(), 11u);
  EXPECT_EQ(TwinTokenizer().encode("안녕하세요").size(), 5u);
}

TEST(TwinTokenizer, EqualBeginningsHaveEqualIds) {
  const auto shorter = TwinTokenizer().encode("a system prompt that many share; ");
  const auto longer = TwinTokenizer().encode("a system prompt that many share; and a question");
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end() - 1, longer.begin()));
}

TEST(TwinTokenizer, StrangeIdsAreLeftOut) {
  EXPECT_EQ(TwinTokenizer().decode(std::vector<int32_t>{-1, TwinTokenizer::kBos, TwinTokenizer::kEos, INT32_MAX}), "");
}

}  // namespace
}  // namespace ondol
