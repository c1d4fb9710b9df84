#include "model/tokenizer_vocab.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

Result<Vocabulary> make(std::vector<std::string_view> names) {
  return Vocabulary::make(names, std::vector<TokenKind>(names.size(), TokenKind::kNormal));
}

TEST(Vocabulary, FindsEveryNameAndNothingElse) {
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) texts.push_back("token" + std::to_string(i));
  const auto vocab = make({texts.begin(), texts.end()});
  ASSERT_TRUE(vocab);
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(vocab->find(texts[static_cast<size_t>(i)]), i);
    EXPECT_EQ(vocab->name(i), texts[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(vocab->find("token5000"), -1);
  EXPECT_EQ(vocab->find(""), -1);
  EXPECT_EQ(vocab->find(std::string(1000, 'x')), -1);
  EXPECT_EQ(vocab->name(-1), "");
  EXPECT_EQ(vocab->name(5000), "");
}

TEST(Vocabulary, AnEmptyNameIsAHole) {
  const auto vocab = make({"a", "", "", "b"});
  ASSERT_TRUE(vocab);
  EXPECT_EQ(vocab->size(), 4);
  EXPECT_EQ(vocab->find("b"), 3);
  EXPECT_EQ(Vocabulary().find("a"), -1);
}

TEST(Vocabulary, RefusesWhatCannotBe) {
  EXPECT_EQ(make({}).error().message, "the vocabulary has no tokens");
  EXPECT_EQ(make({"a", "b", "a"}).error().message, "tokens 0 and 2 are both \"a\"");
  EXPECT_EQ(make({"a", "b\xFF"}).error().message, "token 1 is not valid UTF-8: \"b\\xff\"");
  const std::string_view names[] = {"a", "b"};
  EXPECT_EQ(Vocabulary::make(names, {TokenKind::kNormal}).error().message, "the vocabulary has 2 tokens but 1 token types");
}

}  // namespace
}  // namespace ondol
