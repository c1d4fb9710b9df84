#include "gateway/answer.h"

#include <gtest/gtest.h>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

std::string content(const AnswerPiece& piece) { return text_of(piece.parts, AnswerPart::Kind::kContent); }

struct Told {
  std::string text;
  std::vector<AnswerPiece> pieces;
  int tokens = 0;
  bool stopped = false;
};

Told tell(std::string_view bytes, std::vector<std::string> stops, bool logprobs = false) {
  const FakeTokenizer tokenizer;
  Answer answer(tokenizer, std::move(stops), logprobs);
  Told told;
  const auto take = [&] {
    told.pieces.push_back(answer.take());
    told.text += content(told.pieces.back());
  };
  for (const char c : bytes) {
    answer.push({.token = static_cast<unsigned char>(c), .logprob = -1, .top = {}});
    take();
  }
  answer.finish();
  take();
  told.tokens = answer.tokens();
  told.stopped = answer.stopped();
  return told;
}

TEST(Answer, ShowsWholeCharactersOnly) {
  const Told told = tell("온돌 ok", {});
  EXPECT_EQ(told.text, "온돌 ok");
  EXPECT_EQ(content(told.pieces[0]), "");
  EXPECT_EQ(content(told.pieces[1]), "");
  EXPECT_EQ(content(told.pieces[2]), "온");
  EXPECT_EQ(tell("a\xec\x98", {}).text, "a\xEF\xBF\xBD");
}

TEST(Answer, CountsTokensUpToTheOneThatCompletedTheStop) {
  const Told told = tell("one two three", {"two"});
  EXPECT_EQ(told.text, "one ");
  EXPECT_EQ(told.tokens, 7);
  EXPECT_TRUE(told.stopped);
}

TEST(Answer, StopStringInsideAPieceOfSeveralCharacters) {
  const FakeTokenizer tokenizer({" END of"});
  Answer answer(tokenizer, {"END"}, false);
  answer.push({.token = 'x', .logprob = 0, .top = {}});
  answer.push({.token = 256, .logprob = 0, .top = {}});
  answer.finish();
  EXPECT_EQ(content(answer.take()), "x ");
  EXPECT_TRUE(answer.stopped());
}

TEST(Answer, LogprobsComeWithTheirText) {
  const Told told = tell("a온b", {}, true);
  ASSERT_EQ(told.pieces.size(), 6u);
  EXPECT_EQ(told.pieces[0].tokens.size(), 1u);
  EXPECT_TRUE(told.pieces[1].empty());
  EXPECT_TRUE(told.pieces[2].empty());
  ASSERT_EQ(told.pieces[3].tokens.size(), 3u) << "the three bytes of one character are shown together";
  EXPECT_EQ(told.pieces[3].tokens[0].char_offset, 1u);
  EXPECT_EQ(told.pieces[4].tokens[0].char_offset, 2u);
  EXPECT_EQ(told.pieces[4].tokens[0].byte_offset, 4u);
}

TEST(Answer, LogprobsOfAStopStringAreNotShown) {
  const Told told = tell("abSTOP", {"STOP"}, true);
  size_t tokens = 0;
  for (const AnswerPiece& piece : told.pieces) tokens += piece.tokens.size();
  EXPECT_EQ(tokens, 2u);
  const Told almost = tell("abSTO", {"STOP"}, true);
  EXPECT_EQ(content(almost.pieces.back()), "STO");
  EXPECT_EQ(almost.pieces.back().tokens.size(), 3u);
}

TEST(Answer, TokensWithoutTextAreShownAtTheEnd) {
  const FakeTokenizer tokenizer;
  Answer answer(tokenizer, {}, true);
  answer.push({.token = 'x', .logprob = 0, .top = {}});
  answer.push({.token = tokenizer.first_control(), .logprob = 0, .top = {}});
  EXPECT_EQ(answer.take().tokens.size(), 1u);
  answer.finish();
  EXPECT_EQ(answer.take().tokens.size(), 1u);
}

TEST(Answer, GoesOnAfterThePromptsLastToken) {
  const FakeTokenizer tokenizer;
  Answer answer(tokenizer, {"x"}, false);
  answer.continue_after('x');
  answer.push({.token = 'y', .logprob = 0, .top = {}});
  EXPECT_EQ(content(answer.take()), "y");
  EXPECT_EQ(answer.tokens(), 1);
  EXPECT_FALSE(answer.stopped());
}

}  // namespace
}  // namespace ondol
