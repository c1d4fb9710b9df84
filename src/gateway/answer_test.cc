#include "gateway/answer.h"

#include <gtest/gtest.h>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

struct Told {
  std::string text;
  std::vector<AnswerPiece> pieces;
  int tokens = 0;
  bool stopped = false;
};

std::string content(const AnswerPiece& piece) { return text_of(piece.parts, AnswerPart::Kind::kContent); }

Told tell(std::string_view bytes, std::vector<std::string> stops, bool logprobs = false, AnswerSyntax syntax = {}) {
  const FakeTokenizer tokenizer;
  Answer answer(tokenizer, std::move(stops), logprobs, std::move(syntax));
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

TEST(Answer, ReasoningAndCallsComeBehindTheStopStrings) {
  AnswerSyntax syntax;
  syntax.reasoning = syntax.starts_in_reasoning = true;
  syntax.tools = {"f"};
  const Told told = tell("생각</think>\n답<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>END", {"END"}, true, syntax);
  EXPECT_TRUE(told.stopped);
  EXPECT_EQ(told.text, "답");
  AnswerPiece all;
  for (const AnswerPiece& piece : told.pieces) all.append(piece);
  ASSERT_EQ(all.parts.size(), 3u);
  EXPECT_EQ(all.parts[0].text, "생각");
  EXPECT_EQ(all.parts[2].name, "f");
  EXPECT_EQ(all.parts[2].text, "{\"x\": 1}");
  ASSERT_EQ(all.tokens.size(), 3u) << "log-probabilities are those of the content";
  EXPECT_EQ(all.tokens[0].byte_offset, std::string("생각</think>\n").size());
}

TEST(Answer, CountsTheTokensOfReasoning) {
  const FakeTokenizer tokenizer({"<think>", "hm", "</think>"});
  AnswerSyntax syntax;
  syntax.reasoning = true;
  Answer answer(tokenizer, {}, false, syntax);
  for (const int32_t token : {256, 257, 257, 258, static_cast<int32_t>('a')}) answer.push({.token = token, .logprob = 0, .top = {}});
  answer.finish();
  EXPECT_EQ(answer.tokens(), 5);
  EXPECT_EQ(answer.reasoning_tokens(), 3);
  const AnswerPiece piece = answer.take();
  ASSERT_EQ(piece.parts.size(), 2u);
  EXPECT_EQ(piece.parts[0].text, "hmhm");
  EXPECT_EQ(piece.parts[1].text, "a");
}

// A tokenizer whose tags are control tokens.
class TagTokenizer final : public FakeTokenizer {
 public:
  TagTokenizer() : FakeTokenizer({}, {"<end>", "<tool_call>", "</tool_call>"}) {}
  std::optional<int32_t> find(std::string_view token) const override {
    for (int32_t id = first_control(); id < vocab_size(); ++id) {
      if (token_name(id) == token) return id;
    }
    return std::nullopt;
  }
};

TEST(Answer, SeesTagsThatAreControlTokens) {
  const TagTokenizer tokenizer;
  AnswerSyntax syntax;
  syntax.tools = {"f"};
  Answer answer(tokenizer, {}, false, syntax);
  answer.push({.token = 257, .logprob = 0, .top = {}});
  for (const char c : std::string_view("{\"name\": \"f\"}")) answer.push({.token = static_cast<unsigned char>(c), .logprob = 0, .top = {}});
  answer.push({.token = 258, .logprob = 0, .top = {}});
  answer.finish();
  const AnswerPiece piece = answer.take();
  ASSERT_EQ(piece.parts.size(), 1u);
  EXPECT_EQ(piece.parts[0].name, "f");
  EXPECT_EQ(piece.parts[0].text, "{}");
}

}  // namespace
}  // namespace ondol
