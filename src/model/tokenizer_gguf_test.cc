#include <gtest/gtest.h>

#include <limits>

#include "model/tokenizer_test_util.h"

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;

std::string error_of(const GgufWriter& writer, Code code = Code::kInvalidArgument) {
  const auto tokenizer = tokenizer_of(writer);
  if (tokenizer) return "no error";
  EXPECT_EQ(tokenizer.error().code, code);
  return tokenizer.error().message;
}

TEST(TokenizerGguf, FamiliesCutTheirWay) {
  const SmallVocab vocab = byte_vocab({{"1", "2"}, {"a", "1"}, {" ", "1"}, {"a", " "}, {"a ", "b"}, {"12", "3"}});
  const auto names = [&](std::string_view pre, std::string_view text) {
    const auto tokenizer = tokenizer_of(small_gguf(vocab, pre));
    if (!tokenizer) return tokenizer.error().message;
    std::string out;
    const auto ids = (*tokenizer)->encode(text);
    for (const int32_t id : *ids) out += std::string((*tokenizer)->token_name(id)) + "|";
    return out;
  };
  EXPECT_EQ(names("gpt-2", "a12 123"), "a|12|Ġ|123|");
  EXPECT_EQ(names("", "a12"), "a|12|") << "without a family: as gpt-2";
  EXPECT_EQ(names("smollm", "a12 1"), "a|1|2|Ġ|1|");
  EXPECT_EQ(names("qwen2", "a12 1"), "a|1|2|Ġ|1|");
  EXPECT_EQ(names("llama-bpe", "a12 1"), "a|12|Ġ|1|");
  EXPECT_EQ(names("exaone", "12"), "1|2|");
  EXPECT_EQ(names("exaone", "１"), "1|") << "NFKC";
  EXPECT_EQ(names("exaone4", "a12"), "a|12|");
  EXPECT_EQ(names("exaone-moe", "a b12"), "aĠb|1|2|");
  EXPECT_EQ(names("qwen2", "e\xCC\x81"), "Ã|©|") << "NFC";
}

TEST(TokenizerGguf, SpecialTokens) {
  SmallVocab vocab = english_vocab();
  GgufWriter writer = small_gguf(vocab, "llama-bpe", {"<s>", "<|eot_id|>", "<|im_end|>"});
  writer.u32("tokenizer.ggml.bos_token_id", 266);
  writer.u32("tokenizer.ggml.eos_token_id", 268);
  writer.u32("tokenizer.ggml.eot_token_id", 267);
  const auto tokenizer = tokenizer_of(writer);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->bos(), 266);
  EXPECT_EQ((*tokenizer)->eos(), 268);
  EXPECT_EQ((*tokenizer)->end_ids(), (Ids{268, 267}));
  EXPECT_TRUE((*tokenizer)->adds_bos()) << "the family's default";
  EXPECT_EQ(*(*tokenizer)->encode("a<|eot_id|>"), (Ids{266, 'a', 267}));
  EXPECT_EQ(*(*tokenizer)->encode("a", {.add_special = false}), (Ids{'a'}));

  writer.boolean("tokenizer.ggml.add_bos_token", false);
  writer.boolean("tokenizer.ggml.add_eos_token", true);
  EXPECT_EQ(*(*tokenizer_of(writer))->encode("a"), (Ids{'a', 268}));
}

GgufWriter small_spm(const std::vector<std::string>& names, const std::vector<float>& scores, const std::vector<int32_t>& kinds) {
  GgufWriter writer;
  writer.string("tokenizer.ggml.model", "llama");
  writer.strings("tokenizer.ggml.tokens", names);
  writer.f32s("tokenizer.ggml.scores", scores);
  writer.i32s("tokenizer.ggml.token_type", kinds);
  return writer;
}

GgufWriter good_spm() {
  GgufWriter writer = small_spm({"<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "▁a", "▁▁", "b"}, {0, 0, 0, 0, -3, -4, -1, 0, -5},
                                {2, 3, 3, 6, 1, 1, 1, 4, 1});
  writer.u32("tokenizer.ggml.bos_token_id", 1);
  writer.u32("tokenizer.ggml.eos_token_id", 2);
  writer.u32("tokenizer.ggml.unknown_token_id", 0);
  return writer;
}

TEST(TokenizerGguf, SentencePiece) {
  const auto tokenizer = tokenizer_of(good_spm());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(*(*tokenizer)->encode("a a"), (Ids{1, 6, 6})) << "BOS and a space in front";
  EXPECT_EQ(*(*tokenizer)->encode("a\nz", {.add_special = false}), (Ids{6, 3, 0})) << "a byte, and an unknown character";
  EXPECT_EQ(*(*tokenizer)->encode("a  b", {.add_special = false}), (Ids{6, 7, 4, 8})) << "user-defined tokens are found in plain text";
  EXPECT_EQ((*tokenizer)->decode({1, 6, 6, 3, 5, 2}), "a a\na");
  EXPECT_TRUE((*tokenizer)->strips_leading_space());

  GgufWriter gemma = good_spm();
  gemma.boolean("tokenizer.ggml.add_space_prefix", false);
  const auto without = tokenizer_of(gemma);
  EXPECT_EQ(*(*without)->encode("a a"), (Ids{1, 5, 6}));
  EXPECT_EQ((*without)->decode({6}), " a");
}

TEST(TokenizerGguf, KindsThatAreNotSupportedAreNamed) {
  GgufWriter unigram;
  unigram.string("tokenizer.ggml.model", "t5");
  EXPECT_EQ(error_of(unigram, Code::kUnimplemented),
            "tokenizer.ggml.model is \"t5\"; supported: gpt2 (byte-level BPE) and llama (SentencePiece)");
  EXPECT_EQ(error_of(small_gguf(english_vocab(), "viking"), Code::kUnimplemented),
            "tokenizer.ggml.pre is \"viking\"; supported: gpt-2, qwen2, llama-bpe, smollm, exaone, exaone4, exaone-moe, default");
}

TEST(TokenizerGguf, LyingMetadata) {
  EXPECT_EQ(error_of(GgufWriter()), "the file has no tokenizer.ggml.model: it holds no tokenizer");
  GgufWriter nothing;
  nothing.string("tokenizer.ggml.model", "gpt2");
  EXPECT_EQ(error_of(nothing), "tokenizer.ggml.tokens is missing or no array of strings");
  nothing.strings("tokenizer.ggml.tokens", {});
  EXPECT_EQ(error_of(nothing), "the vocabulary has no tokens");

  GgufWriter writer = small_gguf(english_vocab(), "gpt-2");
  writer.u32("tokenizer.ggml.bos_token_id", 266);
  EXPECT_EQ(error_of(writer), "tokenizer.ggml.bos_token_id is token 266, but the vocabulary has 266 tokens");
  writer = small_gguf(english_vocab(), "gpt-2");
  writer.u32("tokenizer.ggml.eos_token_id", std::numeric_limits<uint32_t>::max());
  EXPECT_EQ(error_of(writer), "tokenizer.ggml.eos_token_id is token 4294967295, but the vocabulary has 266 tokens");

  SmallVocab vocab = english_vocab();
  vocab.names.push_back("he");
  EXPECT_EQ(error_of(small_gguf(vocab, "gpt-2")), "tokens 256 and 266 are both \"he\"");
  vocab = english_vocab();
  vocab.merges.emplace_back("x", "y");
  EXPECT_EQ(error_of(small_gguf(vocab, "gpt-2")), "merge 10 (\"x\" + \"y\") needs the token \"xy\", which the vocabulary does not have");
}

GgufWriter with(const std::vector<std::string>& names, const std::vector<int32_t>& kinds, const std::vector<std::string>& merges) {
  GgufWriter writer;
  writer.string("tokenizer.ggml.model", "gpt2");
  writer.strings("tokenizer.ggml.tokens", names);
  writer.i32s("tokenizer.ggml.token_type", kinds);
  writer.strings("tokenizer.ggml.merges", merges);
  return writer;
}

TEST(TokenizerGguf, ArraysThatDoNotFit) {
  EXPECT_EQ(error_of(with({"a", "b"}, {1}, {})), "tokenizer.ggml.token_type has 1 entries, but there are 2 tokens");
  EXPECT_EQ(error_of(with({"a", "b"}, {1, 9}, {})), "tokenizer.ggml.token_type of token 1 is 9; 0 to 6 are known");
  EXPECT_EQ(error_of(with({"a", "b"}, {1, -1}, {})), "tokenizer.ggml.token_type of token 1 is -1; 0 to 6 are known");
  EXPECT_EQ(error_of(with({"a"}, {1}, {"a"})), "merge 0 is \"a\"; two tokens with a space between them are expected");
  EXPECT_EQ(error_of(with({"a"}, {1}, {""})), "merge 0 is \"\"; two tokens with a space between them are expected");
  EXPECT_EQ(error_of(with({"a"}, {1}, {"a "})), "merge 0 is \"a \"; two tokens with a space between them are expected");
  EXPECT_EQ(error_of(with({"a", "a\xFF"}, {1, 1}, {})), "token 1 is not valid UTF-8: \"a\\xff\"");
  EXPECT_EQ(error_of(small_spm({"a", "b"}, {0}, {1, 1})), "there are 1 scores for 2 tokens");
  EXPECT_EQ(error_of(small_spm({"a"}, {std::numeric_limits<float>::quiet_NaN()}, {1})), "the score of token 0 is nan; it must be finite");
}

}  // namespace
}  // namespace ondol
