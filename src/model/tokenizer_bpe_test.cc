#include "model/tokenizer_bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "model/tokenizer_test_util.h"

namespace ondol {
namespace {

struct Model {
  Vocabulary vocab;
  Bpe bpe;

  std::vector<int32_t> encode(std::string_view piece) const {
    BpeScratch scratch;
    std::vector<int32_t> out;
    bpe.encode(vocab, piece, scratch, out);
    return out;
  }
};

Result<Model> make(const SmallVocab& small, const BpeOptions& options = {}) {
  const std::vector<std::string_view> names(small.names.begin(), small.names.end());
  const std::vector<Bpe::Merge> merges(small.merges.begin(), small.merges.end());
  Model model;
  ONDOL_TRY(model.vocab, Vocabulary::make(names, std::vector<TokenKind>(names.size(), TokenKind::kNormal)));
  ONDOL_TRY(model.bpe, Bpe::make(model.vocab, merges, options));
  return model;
}

using Ids = std::vector<int32_t>;

// The definition, word for word: join the best-ranked pair, the leftmost of equals, until there is none.
Ids by_definition(const SmallVocab& small, Ids ids) {
  std::map<std::pair<int32_t, int32_t>, std::pair<size_t, int32_t>> ranks;
  for (size_t i = 0; i < small.merges.size(); ++i) {
    const auto& [left, right] = small.merges[i];
    ranks[{small.id(left), small.id(right)}] = {i, small.id(left + right)};
  }
  while (true) {
    size_t best = 0, best_rank = SIZE_MAX;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = ranks.find({ids[i], ids[i + 1]});
      if (found == ranks.end() || found->second.first >= best_rank) continue;
      best = i;
      best_rank = found->second.first;
    }
    if (best_rank == SIZE_MAX) return ids;
    ids[best] = ranks[{ids[best], ids[best + 1]}].second;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, ByteAlphabetIsOneToOne) {
  EXPECT_EQ(spell_bytes(" \n\x7F"), "ĠĊġ");
  EXPECT_EQ(spell_bytes("A~"), "A~");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(unspell_bytes(spell_bytes(all)), all);
  EXPECT_EQ(unspell_bytes("한Ġ"), "한Ġ") << "outside the alphabet: as it is";
}

TEST(Bpe, NamesOfBytes) {
  EXPECT_EQ(byte_token_name(0x0A), "<0x0A>");
  EXPECT_EQ(byte_of_token_name("<0xEF>"), 0xEF);
  EXPECT_EQ(byte_of_token_name("<0xef>"), std::nullopt);
  EXPECT_EQ(byte_of_token_name("<0xE>"), std::nullopt);
  EXPECT_EQ(byte_of_token_name("<0x0A>x"), std::nullopt);
}

TEST(Bpe, JoinsInTheOrderOfTheMerges) {
  const SmallVocab small = english_vocab();
  const auto model = make(small);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->encode(" hello"), Ids{small.id("Ġhello")});
  EXPECT_EQ(model->encode("hell"), Ids{small.id("hell")});
  EXPECT_EQ(model->encode("help"), (Ids{small.id("he"), 'l', 'p'}));
  EXPECT_EQ(model->encode("lll"), (Ids{small.id("ll"), 'l'})) << "the leftmost of equals";
  EXPECT_EQ(model->encode(""), Ids{});
}

TEST(Bpe, ShortAndLongPiecesFollowTheDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<std::string, std::string>> merges;
    std::vector<std::string> parts = {"a", "b", "c"};
    for (int i = 0; i < 12; ++i) {
      merges.emplace_back(parts[random() % parts.size()], parts[random() % parts.size()]);
      parts.push_back(merges.back().first + merges.back().second);
    }
    const SmallVocab small = byte_vocab(merges);
    const auto model = make(small);
    ASSERT_TRUE(model) << model.error().message;
    for (const size_t length : {2u, 5u, 31u, 32u, 33u, 34u, 150u}) {
      std::string text;
      while (text.size() < length) text += static_cast<char>('a' + random() % 3);
      EXPECT_EQ(model->encode(text), by_definition(small, Ids(text.begin(), text.end()))) << text;
    }
  }
}

TEST(Bpe, OfEqualPairsTheLastRankCounts) {
  const auto model = make(byte_vocab({{"a", "b"}, {"b", "c"}, {"a", "b"}}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->encode("abc"), (Ids{'a', 257}));
}

TEST(Bpe, WholePiecesCanGoBeforeMerges) {
  SmallVocab small = english_vocab();
  small.names.push_back("Ġlo");  // no merge makes it
  EXPECT_EQ(make(small)->encode(" lo"), (Ids{' ', 'l', 'o'}));
  EXPECT_EQ(make(small, {.ignore_merges = true})->encode(" lo"), Ids{small.id("Ġlo")});
}

TEST(Bpe, BytesWithoutATokenAreUnknownOrLeftOut) {
  SmallVocab small;
  small.names = {"a", "b", "ab", "<unk>"};
  small.merges = {{"a", "b"}};
  EXPECT_EQ(make(small)->encode("axyb"), (Ids{2})) << "left out, as the reference does";
  EXPECT_EQ(make(small, {.unknown = 3})->encode("axyb"), (Ids{0, 3, 3, 1}));
  EXPECT_EQ(make(small, {.fuse_unknown = true, .unknown = 3})->encode("axyb"), (Ids{0, 3, 1}));
}

TEST(Bpe, CharactersFallBackToBytesOnlyIfAllOfThemAreTokens) {
  SmallVocab small;
  small.names = {"한", "국", "한국", "<0xEA>", "<0xB0>", "<0x80>", "<unk>"};
  small.merges = {{"한", "국"}};
  const BpeOptions options = {.byte_level = false, .byte_fallback = true, .fuse_unknown = true, .unknown = 6};
  const auto model = make(small, options);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->encode("한국가"), (Ids{2, 3, 4, 5}));
  EXPECT_EQ(model->encode("한xy국"), (Ids{0, 6, 1}));
}

TEST(Bpe, ATokenWithASpaceInsideKeepsWordsTogether) {
  SmallVocab small;
  small.names = {"▁", "a", "b", "▁a", "▁▁", "▁b"};
  small.merges = {{"▁", "a"}, {"▁", "▁"}, {"▁", "b"}};
  EXPECT_EQ(make(small, {.byte_level = false})->encode("a▁▁b▁a"), (Ids{1, 4, 2, 3}));
  small.names.insert(small.names.end(), {"a▁", "a▁b"});
  small.merges.insert(small.merges.begin(), {{"a", "▁"}, {"a▁", "b"}});
  EXPECT_EQ(make(small, {.byte_level = false})->encode("a▁b▁a"), (Ids{7, 3}));
}

TEST(Bpe, RefusesMergesOfTokensThatDoNotExist) {
  SmallVocab small = english_vocab();
  small.merges.emplace_back("he", "zz");
  EXPECT_EQ(make(small).error().message, "merge 10 (\"he\" + \"zz\") needs the token \"zz\", which the vocabulary does not have");
  small.merges.back() = {"he", "he"};
  EXPECT_EQ(make(small).error().message, "merge 10 (\"he\" + \"he\") needs the token \"hehe\", which the vocabulary does not have");
  EXPECT_EQ(make(small).error().code, Code::kInvalidArgument);
}

TEST(Bpe, PlainTextNeverMergesIntoAControlToken) {
  const std::string_view names[] = {"<", "s", ">", "<s", "<s>"};
  const auto vocab =
      Vocabulary::make(names, {TokenKind::kNormal, TokenKind::kNormal, TokenKind::kNormal, TokenKind::kNormal, TokenKind::kControl});
  ASSERT_TRUE(vocab);
  const Bpe::Merge merges[] = {{"<", "s"}, {"<s", ">"}};
  const auto bpe = Bpe::make(*vocab, merges, {});
  ASSERT_TRUE(bpe);
  BpeScratch scratch;
  Ids out;
  bpe->encode(*vocab, "<s>", scratch, out);
  EXPECT_EQ(out, (Ids{3, 2}));
}

TEST(Bpe, ALongRunOfEqualBytesIsNotSquare) {
  const auto model = make(byte_vocab({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->encode(std::string(1 << 18, 'a')).size(), size_t{1} << 15);
}

}  // namespace
}  // namespace ondol
