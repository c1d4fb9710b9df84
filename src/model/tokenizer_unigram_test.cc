#include "model/tokenizer_unigram.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>

#include "model/e5s1.h"
#include "model/json_file.h"

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;

// Ids: 0 <s>, 1 <pad>, 2 </s>, 3 <unk>, 4 the space mark, then letters and longer pieces.
UnigramTables small_tables() {
  UnigramTables t;
  const std::vector<std::pair<std::string_view, float>> pieces = {
      {"<s>", 0.0F}, {"<pad>", 0.0F}, {"</s>", 0.0F}, {"<unk>", 0.0F},    {"\u2581", -2.0F}, {"a", -3.0F},
      {"b", -3.0F},  {"ab", -5.0F},   {"abb", -9.5F}, {"\u2581a", -4.0F}, {"\uD55C", -4.0F}, {"<mask>", 0.0F},
  };
  for (const auto& [piece, score] : pieces) {
    t.pieces.push_back(piece);
    t.scores.push_back(score);
  }
  t.bos = 0;
  t.pad = 1;
  t.eos = 2;
  t.unknown = 3;
  t.replacements = " ab";
  t.rules = {{0x07, 0, 0}, {0x09, 0, 1}, {0x41, 1, 2}, {0x3000, 0, 1}, {0xFF41, 1, 3}};
  return t;
}

std::unique_ptr<UnigramTokenizer> make(const UnigramTables& tables = small_tables()) {
  auto tokenizer = UnigramTokenizer::make(tables);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

Ids encode(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options = {.add_special = false}) {
  const auto ids = tokenizer.encode(text, options);
  EXPECT_TRUE(ids) << ids.error().message;
  return ids.value_or(Ids{});
}

TEST(Unigram, TakesTheBestSum) {
  const auto t = make();
  EXPECT_EQ(encode(*t, "a"), (Ids{9}));
  EXPECT_EQ(encode(*t, "ba"), (Ids{4, 6, 5}));
  EXPECT_EQ(encode(*t, "bab"), (Ids{4, 6, 7})) << "ab costs 5, a and b 6";
  EXPECT_EQ(encode(*t, "babb"), (Ids{4, 6, 7, 6})) << "ab b costs 8, abb 9.5";
  EXPECT_EQ(encode(*t, "ab"), (Ids{4, 7})) << "-2 - 5 and -4 - 3 are equal: the one that was reached first";
  EXPECT_EQ(encode(*t, "a b"), (Ids{9, 4, 6}));
  EXPECT_EQ(encode(*t, "a", {}), (Ids{0, 9, 2}));
}

TEST(Unigram, SpacesCollapseAndOneStandsInFront) {
  const auto t = make();
  EXPECT_EQ(encode(*t, ""), (Ids{4}));
  EXPECT_EQ(encode(*t, "   "), (Ids{4}));
  EXPECT_EQ(encode(*t, " a"), (Ids{9}));
  EXPECT_EQ(encode(*t, "a  \t\u3000 b "), (Ids{9, 4, 6, 4}));
  EXPECT_EQ(encode(*t, "\u2581 b"), (Ids{4, 4, 4, 6})) << "a mark in the text is no space: it gets one in front";
}

TEST(Unigram, CharactersFollowTheirRules) {
  const auto t = make();
  EXPECT_EQ(encode(*t, "A"), (Ids{9}));
  EXPECT_EQ(encode(*t, "a\ab"), encode(*t, "ab")) << "removed";
  EXPECT_EQ(encode(*t, "b\uFF41"), (Ids{4, 6, 7})) << "two for one";
  EXPECT_EQ(encode(*t, "\uD55C"), (Ids{4, 10}));
  EXPECT_EQ(encode(*t, "\u1112\u1161\u11AB"), (Ids{4, 10})) << "decomposed Hangul is composed first";
}

TEST(Unigram, UnknownCharactersAreOneTokenEach) {
  const auto t = make();
  EXPECT_EQ(encode(*t, "b\u2603\U0001F642a"), (Ids{4, 6, 3, 3, 5}));
  EXPECT_EQ(encode(*t, "<unk>"), (Ids{4, 3, 3, 3, 3, 3})) << "its name in a text is text";
  EXPECT_EQ(t->encode("a\xFF").error().code, Code::kInvalidArgument);
  EXPECT_NE(t->encode("a\xFF").error().message.find("at byte 1"), std::string::npos);
}

TEST(Unigram, ControlTokensInTheText) {
  const auto t = make();
  EXPECT_EQ(encode(*t, "</s>b<mask>"), (Ids{4, 2, 6, 11}));
  const Ids plain = encode(*t, "</s>b<mask>", {.add_special = false, .parse_special = false});
  EXPECT_EQ(plain.size(), 1u + 4 + 1 + 6);
  for (const int32_t id : plain) EXPECT_FALSE(t->is_control(id));
}

TEST(Unigram, TokensAsText) {
  const auto t = make();
  EXPECT_EQ(t->vocab_size(), 12);
  EXPECT_EQ(t->token_bytes(9), " a");
  EXPECT_EQ(t->token_bytes(2), "");
  EXPECT_EQ(t->token_bytes(2, true), "</s>");
  EXPECT_EQ(t->token_bytes(3), "");
  EXPECT_EQ(t->token_bytes(-1), "");
  EXPECT_EQ(t->token_bytes(12, true), "");
  EXPECT_EQ(t->token_name(9), "\u2581a");
  EXPECT_EQ(t->find("ab"), 7);
  EXPECT_EQ(t->find("abc"), std::nullopt);
  EXPECT_EQ(t->bos(), 0);
  EXPECT_EQ(t->eos(), 2);
  EXPECT_TRUE(t->adds_bos());
  EXPECT_TRUE(t->is_control(11));
  EXPECT_FALSE(t->is_control(3));
  EXPECT_EQ(t->decode(encode(*t, "a bab", {})), "a bab");
}

// All ways to cut, against a table that has a piece with a mark inside, so that words cannot be cut one by one.
TEST(Unigram, EveryShortTextGetsTheBestOfAllCuts) {
  for (const bool across : {false, true}) {
    UnigramTables tables = small_tables();
    if (across) {
      tables.pieces.push_back("b\u2581a");
      tables.scores.push_back(-5.0F);
    }
    const auto t = make(tables);
    for (int code = 0; code < 2187; ++code) {
      std::string text;
      for (int rest = code; rest > 0; rest /= 3) text += "ab "[rest % 3];
      const Ids ids = encode(*t, text);
      std::string spelled;
      float sum = 0;
      for (const int32_t id : ids) {
        spelled += t->token_name(id);
        sum += tables.scores[static_cast<size_t>(id)];
      }
      std::vector<float> best(spelled.size() + 1, -std::numeric_limits<float>::infinity());
      best[0] = 0;
      for (size_t at = 0; at < spelled.size(); ++at) {
        for (size_t id = 4; id < tables.pieces.size(); ++id) {
          if (!std::string_view(spelled).substr(at).starts_with(tables.pieces[id])) continue;
          float& there = best[at + tables.pieces[id].size()];
          there = std::max(there, best[at] + tables.scores[id]);
        }
      }
      EXPECT_EQ(sum, best.back()) << '"' << text << '"';
    }
  }
}

TEST(Unigram, WrongTablesAreErrors) {
  struct Row {
    const char* expected;
    void (*bend)(UnigramTables&);
  };
  const Row rows[] = {
      {"11 scores for 12 pieces", [](UnigramTables& t) { t.scores.pop_back(); }},
      {"score of piece 5 is not finite", [](UnigramTables& t) { t.scores[5] = std::numeric_limits<float>::infinity(); }},
      {"the special token 12", [](UnigramTables& t) { t.eos = 12; }},
      {"the special token -1", [](UnigramTables& t) { t.unknown = -1; }},
      {"tokens 5 and 6 are both", [](UnigramTables& t) { t.pieces[6] = "a"; }},
      {"not valid UTF-8", [](UnigramTables& t) { t.pieces[6] = "\xFF"; }},
      {"not in ascending order", [](UnigramTables& t) { t.rules[1].point = 0x07; }},
      {"too long", [](UnigramTables& t) { t.rules[1].end = 9; }},
      {"too long", [](UnigramTables& t) { t.rules[1].begin = 2; }},
      {"not valid UTF-8", [](UnigramTables& t) { t.replacements = "\x80  "; }},
  };
  for (const Row& row : rows) {
    UnigramTables tables = small_tables();
    row.bend(tables);
    const auto tokenizer = UnigramTokenizer::make(tables);
    ASSERT_FALSE(tokenizer) << row.expected;
    EXPECT_NE(tokenizer.error().message.find(row.expected), std::string::npos) << tokenizer.error().message;
  }
  UnigramTables tables = small_tables();
  const std::string long_piece(UnigramTokenizer::kMaxPieceBytes + 1, 'x');
  tables.pieces[6] = long_piece;
  EXPECT_NE(UnigramTokenizer::make(tables).error().message.find("has 257 bytes"), std::string::npos);
}

TEST(Unigram, AgreesWithTheTinyModelsScript) {
  const std::string folder = ONDOL_SOURCE_DIR "/tests/models/tiny-e5s1/";
  auto file = E5s1File::open(folder + "model.e5s1");
  ASSERT_TRUE(file) << file.error().message;
  const auto t = make(file->take_tokenizer());
  const auto cases = parse_json(*read_text_file(folder + "expected.json", 1 << 20), "expected.json");
  ASSERT_TRUE(cases) << cases.error().message;
  for (const auto& entry : cases->as_array()) {
    const std::string text(entry.at("text").as_string());
    EXPECT_EQ(encode(*t, text, {}), boost::json::value_to<Ids>(entry.at("ids"))) << text;
  }
  EXPECT_GT(cases->as_array().size(), 10u);
}

}  // namespace
}  // namespace ondol
