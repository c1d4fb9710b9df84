#include "model/tokenizer_spm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "model/tokenizer_bpe.h"

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;

struct Model {
  std::vector<std::string> names;
  std::vector<float> scores;
  std::vector<TokenKind> kinds;
  int32_t unknown = -1;

  void add(std::string name, float score, TokenKind kind = TokenKind::kNormal) {
    names.push_back(std::move(name));
    scores.push_back(score);
    kinds.push_back(kind);
  }
  Ids encode(std::string_view piece) const {
    const auto vocab = Vocabulary::make(std::vector<std::string_view>(names.begin(), names.end()), kinds);
    const auto spm = Spm::make(*vocab, scores, unknown);
    Ids out;
    spm->encode(*vocab, piece, out);
    return out;
  }
  int32_t id(std::string_view name) const {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return static_cast<int32_t>(i);
    }
    return -1;
  }
};

// The definition: of all neighbours that form a token join those with the best score, the leftmost of equals.
Ids by_definition(const Model& model, std::string_view text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  while (true) {
    size_t best = SIZE_MAX;
    float best_score = -std::numeric_limits<float>::infinity();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const int32_t id = model.id(parts[i] + parts[i + 1]);
      if (id < 0 || model.scores[static_cast<size_t>(id)] <= best_score) continue;
      best = i;
      best_score = model.scores[static_cast<size_t>(id)];
    }
    if (best == SIZE_MAX) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  Ids ids;
  for (const std::string& part : parts) ids.push_back(model.id(part));
  return ids;
}

TEST(Spm, TheBestScoreGoesFirst) {
  Model model;
  for (const char* name : {"a", "b", "c"}) model.add(name, 0);
  model.add("ab", -5);
  model.add("bc", -1);
  EXPECT_EQ(model.encode("abc"), (Ids{0, 4}));
  model.scores[3] = -1;
  EXPECT_EQ(model.encode("abc"), (Ids{3, 2})) << "the leftmost of equals";
}

TEST(Spm, FollowsTheDefinition) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    Model model;
    std::set<std::string> parts = {"a", "b", "c"};
    while (parts.size() < 25) {
      std::string part;
      for (size_t length = random() % 6 + 2; length > 0; --length) part += static_cast<char>('a' + random() % 3);
      parts.insert(part);
    }
    for (const std::string& part : parts) model.add(part, -static_cast<float>(random() % 8));
    for (const size_t length : {1u, 2u, 17u, 120u}) {
      std::string text;
      while (text.size() < length) text += static_cast<char>('a' + random() % 3);
      EXPECT_EQ(model.encode(text), by_definition(model, text)) << text;
    }
  }
}

TEST(Spm, CharactersWithoutATokenBecomeBytesOrOneUnknown) {
  Model model;
  model.add("<unk>", 0, TokenKind::kUnknown);
  model.add("a", 0);
  for (const char byte : std::string_view("가")) model.add(byte_token_name(static_cast<uint8_t>(byte)), 0, TokenKind::kByte);
  model.unknown = 0;
  EXPECT_EQ(model.encode("a가a"), (Ids{1, 2, 3, 4, 1}));
  EXPECT_EQ(model.encode("a나다a나"), (Ids{1, 0, 1, 0}));
  model.unknown = -1;
  EXPECT_EQ(model.encode("a나"), (Ids{1}));
}

TEST(Spm, ATokenWithASpaceInsideKeepsWordsTogether) {
  Model model;
  for (const char* name : {"▁", "a", "b", "▁▁", "▁a", "▁b"}) model.add(name, -5);
  EXPECT_EQ(model.encode("a▁▁b▁a"), (Ids{1, 3, 2, 4})) << "of equals the leftmost";
  model.add("a▁", -1);
  model.add("a▁b", -2);
  EXPECT_EQ(model.encode("a▁b▁a"), (Ids{7, 4}));
}

TEST(Spm, ControlAndByteTokensAreNotReachedByMerging) {
  Model model;
  for (const char* name : {"<", "s", ">"}) model.add(name, 0);
  model.add("<s", 0);
  model.add("<s>", 0, TokenKind::kControl);
  EXPECT_EQ(model.encode("<s>"), (Ids{3, 2}));
}

TEST(Spm, RefusesScoresThatCannotBe) {
  const std::string_view names[] = {"a", "b"};
  const auto vocab = Vocabulary::make(names, {TokenKind::kNormal, TokenKind::kNormal});
  EXPECT_EQ(Spm::make(*vocab, {1}, -1).error().message, "there are 1 scores for 2 tokens");
  EXPECT_EQ(Spm::make(*vocab, {1, std::nanf("")}, -1).error().message, "the score of token 1 is nan; it must be finite");
  EXPECT_FALSE(Spm::make(*vocab, {-std::numeric_limits<float>::infinity(), 1}, -1));
}

}  // namespace
}  // namespace ondol
