#include "model/tokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "model/tokenizer_test_util.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;

std::unique_ptr<Tokenizer> english() {
  auto tokenizer = Tokenizer::from_json(small_json(english_vocab(), R"({"added_tokens": [
      {"id": 266, "content": "<|end|>", "special": true, "normalized": false},
      {"id": 267, "content": "<tool>", "special": false, "normalized": false}]})"),
                                        "");
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

TEST(Tokenizer, EncodesAndDecodes) {
  const auto tokenizer = english();
  const auto ids = tokenizer->encode("hello world");
  ASSERT_TRUE(ids);
  EXPECT_EQ(*ids, (Ids{*tokenizer->find("hello"), *tokenizer->find("Ġworld")}));
  EXPECT_EQ(tokenizer->decode(*ids), "hello world");
  EXPECT_EQ(tokenizer->encode("")->size(), 0u);
}

TEST(Tokenizer, RandomTextComesBack) {
  const auto tokenizer = english();
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, 20);
    const auto ids = tokenizer->encode(text);
    ASSERT_TRUE(ids);
    EXPECT_EQ(tokenizer->decode(*ids), text);
  }
}

TEST(Tokenizer, ControlTokensInTextAreParsedOrPlain) {
  const auto tokenizer = english();
  EXPECT_EQ(*tokenizer->encode("hello<|end|><tool>"), (Ids{*tokenizer->find("hello"), 266, 267}));
  const auto plain = tokenizer->encode("<|end|><tool>", {.parse_special = false});
  EXPECT_EQ(plain->size(), 8u) << "seven bytes, and the token that is not special";
  EXPECT_EQ(plain->back(), 267);
  EXPECT_EQ(tokenizer->decode({266, 'a', 267}), "a<tool>");
  EXPECT_EQ(tokenizer->decode({266, 'a', 267}, true), "<|end|>a<tool>");
  EXPECT_TRUE(tokenizer->is_control(266));
  EXPECT_FALSE(tokenizer->is_control(267));
}

TEST(Tokenizer, InvalidTextIsAnErrorThatNamesThePlace) {
  const auto tokenizer = english();
  const auto result = tokenizer->encode("abc\xED\xA0\x80");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInvalidArgument);
  EXPECT_EQ(result.error().message, "the text is not valid UTF-8 at byte 3: \"\\xed\\xa0\\x80\"; send UTF-8");
}

TEST(Tokenizer, IdsOutsideTheVocabularyAreNothing) {
  const auto tokenizer = english();
  for (const int32_t id : {-1, 268, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(tokenizer->token_bytes(id), "");
    EXPECT_EQ(tokenizer->token_name(id), "");
    EXPECT_FALSE(tokenizer->is_control(id));
  }
  EXPECT_EQ(tokenizer->decode({-1, 'a', 5000}), "a");
}

TEST(StreamDecoder, HoldsUnfinishedCharactersBack) {
  const auto tokenizer = english();
  StreamDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.push(0xF0), "");
  EXPECT_EQ(decoder.push(0x9F), "");
  EXPECT_EQ(decoder.push(0x98), "");
  EXPECT_EQ(decoder.push(0x80), "😀");
  EXPECT_EQ(decoder.push('a'), "a");
  EXPECT_EQ(decoder.push(0xED), "");
  EXPECT_EQ(decoder.push(266), "") << "a hidden control token does not cut the character";
  EXPECT_EQ(decoder.push(0x95), "");
  EXPECT_EQ(decoder.push(0x9C), "한");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, ReplacesWhatCannotBecomeACharacter) {
  const auto tokenizer = english();
  StreamDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.push(0xED), "");
  EXPECT_EQ(decoder.push('a'),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(decoder.push(0xFF), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.push(0xF0), "");
  EXPECT_EQ(decoder.push(0x9F), "");
  EXPECT_EQ(decoder.finish(), "\xEF\xBF\xBD") << "one for one unfinished character";
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, AnyBytesGiveValidTextAtEveryStep) {
  const auto tokenizer = english();
  std::mt19937 random(9);
  for (int round = 0; round < 500; ++round) {
    StreamDecoder decoder(*tokenizer);
    std::string all;
    Ids ids;
    for (int i = 0; i < 40; ++i) {
      ids.push_back(random() % 3 == 0 ? static_cast<int32_t>(random() % 266) : static_cast<int32_t>(0x80 + random() % 0x80));
      const std::string text = decoder.push(ids.back());
      ASSERT_EQ(find_invalid_utf8(text), std::string::npos);
      all += text;
    }
    all += decoder.finish();
    EXPECT_EQ(all, tokenizer->decode(ids));
  }
}

}  // namespace
}  // namespace ondol
