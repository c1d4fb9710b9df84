#include "model/tokenizer_json.h"

#include <gtest/gtest.h>

#include "model/tokenizer_test_util.h"

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;

std::string error_of(std::string_view parts, Code code = Code::kInvalidArgument) {
  const auto tokenizer = Tokenizer::from_json(small_json(english_vocab(), parts), "");
  if (tokenizer) return "no error";
  EXPECT_EQ(tokenizer.error().code, code) << tokenizer.error().message;
  return tokenizer.error().message;
}

// The names of the tokens of `text`, each followed by a bar.
std::string encoded(const SmallVocab& vocab, std::string_view parts, std::string_view text) {
  const auto tokenizer = Tokenizer::from_json(small_json(vocab, parts), "");
  if (!tokenizer) return tokenizer.error().message;
  const auto ids = (*tokenizer)->encode(text);
  if (!ids) return ids.error().message;
  std::string out;
  for (const int32_t id : *ids) out += std::string((*tokenizer)->token_name(id)) + "|";
  return out;
}

SmallVocab spm_vocab() {
  SmallVocab vocab;
  vocab.names = {"<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "▁ab", "<0xEA>", "<0xB0>", "<0x80>"};
  vocab.merges = {{"▁", "a"}, {"▁a", "b"}};
  return vocab;
}

constexpr std::string_view kLlama = R"({
  "model": {"byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true},
  "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true},
                   {"id": 2, "content": "</s>", "special": true}],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                     {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
  "pre_tokenizer": null,
  "post_processor": {"type": "TemplateProcessing",
                     "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                     "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
  "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                               {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}})";

TEST(TokenizerJson, LlamaStyle) {
  const auto tokenizer = Tokenizer::from_json(small_json(spm_vocab(), kLlama), "");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(*(*tokenizer)->encode("ab ab"), (Ids{1, 7, 7}));
  EXPECT_EQ(*(*tokenizer)->encode("가xy"), (Ids{1, 3, 8, 9, 10, 0}));
  EXPECT_EQ((*tokenizer)->decode({1, 7, 7, 8, 9, 10}), "ab ab가");
  EXPECT_EQ((*tokenizer)->bos(), 1) << "from the template";
  EXPECT_EQ((*tokenizer)->eos(), 2) << "from its name";
  EXPECT_TRUE((*tokenizer)->adds_bos());
}

TEST(TokenizerJson, TheConfigurationNamesTheSpecialTokens) {
  const auto with = [](std::string_view config) { return Tokenizer::from_json(small_json(spm_vocab(), kLlama), config); };
  const auto named = with(R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": false, "tokenizer_class": "Other"})");
  EXPECT_TRUE((*named)->adds_bos()) << "the template stands";
  const auto llama = with(
      R"({"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": false, "add_eos_token": true, "tokenizer_class": "LlamaTokenizer"})");
  EXPECT_EQ(*(*llama)->encode("ab"), (Ids{7, 2})) << "this class builds its template anew";
  EXPECT_EQ(with("[]").error().message, "tokenizer_config.json: the top level is not an object");
  EXPECT_EQ(with(R"({"add_bos_token": "yes"})").error().message,
            "tokenizer.json: tokenizer_config.json.add_bos_token must be true or false");
}

TEST(TokenizerJson, MergesInBothSpellings) {
  EXPECT_EQ(encoded(byte_vocab({{"a", "b"}}), R"({"model": {"merges": ["a b"]}})", "ab"), "ab|");
  EXPECT_EQ(encoded(byte_vocab({{"a", "b"}}), R"({"model": {"merges": [["a", "b"]]}})", "ab"), "ab|");
  EXPECT_EQ(error_of(R"({"model": {"merges": ["ab"]}})"), R"(tokenizer.json: merge 0 must be "a b" or ["a", "b"], with two tokens in it)");
  EXPECT_EQ(error_of(R"({"model": {"merges": ["a b c"]}})"),
            R"(tokenizer.json: merge 0 must be "a b" or ["a", "b"], with two tokens in it)");
  EXPECT_EQ(error_of(R"({"model": {"merges": [["a"]]}})"), R"(tokenizer.json: merge 0 must be "a b" or ["a", "b"], with two tokens in it)");
  EXPECT_EQ(error_of(R"({"model": {"merges": ["x y"]}})"),
            "merge 0 (\"x\" + \"y\") needs the token \"xy\", which the vocabulary does not have");
}

TEST(TokenizerJson, PreTokenizers) {
  const SmallVocab vocab = byte_vocab({{" ", "a"}, {"a", " "}, {"1", "2"}, {"a", "1"}, {" a", "1"}});
  const auto split = [&](std::string_view first, std::string_view text) {
    return encoded(vocab,
                   R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [)" + std::string(first) +
                       R"(, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}})",
                   text);
  };
  EXPECT_EQ(split(R"({"type": "Digits", "individual_digits": true})", "a12"), "a|1|2|");
  EXPECT_EQ(split(R"({"type": "Digits", "individual_digits": false})", "a12"), "a|12|");
  EXPECT_EQ(split(R"({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"})", "a a"), "aĠ|a|");
  EXPECT_EQ(split(R"({"type": "Split", "pattern": {"String": " "}, "behavior": "Removed"})", "a a"), "a|a|");
  EXPECT_EQ(split(R"({"type": "Split", "pattern": {"Regex": "[a ]+"}, "behavior": "Isolated"})", " a1"), "Ġa|1|");
  EXPECT_EQ(encoded(vocab, R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true}})", "a"), "Ġa|");
}

TEST(TokenizerJson, Metaspace) {
  const auto with = [](std::string_view scheme, std::string_view text) {
    const std::string step = R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": ")" + std::string(scheme) + R"("})";
    return encoded(
        spm_vocab(),
        R"({"added_tokens": [{"id": 2, "content": "</s>", "special": true}], "pre_tokenizer": )" + step + R"(, "decoder": )" + step + "}",
        text);
  };
  EXPECT_EQ(with("always", "ab</s>ab"), "▁ab|</s>|▁ab|");
  EXPECT_EQ(with("first", "ab</s>ab"), "▁ab|</s>|a|b|");
  EXPECT_EQ(with("never", "ab ab"), "a|b|▁ab|");
  EXPECT_EQ(with("sometimes", "a"), "tokenizer.json: pre_tokenizer.prepend_scheme must be always, first or never");
}

TEST(TokenizerJson, AddedTokensAreFoundBeforeOrAfterTheNormaliser) {
  const std::string parts = R"({"normalizer": {"type": "Lowercase"}, "added_tokens": [
      {"id": 266, "content": "RAW", "normalized": false}, {"id": 267, "content": "Soft", "normalized": true}]})";
  EXPECT_EQ(encoded(english_vocab(), parts, "RAWraw"), "RAW|r|a|w|");
  EXPECT_EQ(encoded(english_vocab(), parts, "SOFTsoft"), "Soft|Soft|");
}

TEST(TokenizerJson, PartsThatAreNotSupportedAreNamed) {
  const auto unsupported = [](std::string_view parts) { return error_of(parts, Code::kUnimplemented); };
  EXPECT_EQ(unsupported(R"({"model": {"type": "WordPiece"}})"),
            "tokenizer.json: model of type \"WordPiece\" is not supported; supported: BPE");
  EXPECT_EQ(unsupported(R"({"model": {"type": "Unigram"}})"), "tokenizer.json: model of type \"Unigram\" is not supported; supported: BPE");
  EXPECT_EQ(unsupported(R"({"model": {"dropout": 0.1}})"),
            "tokenizer.json: model of type \"dropout\" is not supported; supported: BPE without it");
  EXPECT_EQ(unsupported(R"({"normalizer": {"type": "BertNormalizer"}})").substr(0, 65),
            "tokenizer.json: normalizer of type \"BertNormalizer\" is not suppor");
  EXPECT_EQ(unsupported(R"({"pre_tokenizer": {"type": "UnicodeScripts"}})").substr(0, 53),
            "tokenizer.json: pre_tokenizer of type \"UnicodeScripts");
  EXPECT_EQ(unsupported(R"({"decoder": {"type": "CTC"}})").substr(0, 40), "tokenizer.json: decoder of type \"CTC\" is");
  EXPECT_EQ(unsupported(R"({"post_processor": {"type": "New"}})").substr(0, 44), "tokenizer.json: post_processor of type \"New\"");
}

TEST(TokenizerJson, LyingFiles) {
  EXPECT_FALSE(Tokenizer::from_json("", ""));
  EXPECT_FALSE(Tokenizer::from_json("{", ""));
  EXPECT_EQ(Tokenizer::from_json("{}", "").error().message, "tokenizer.json: there is no model in it");
  EXPECT_EQ(error_of(R"({"model": {"vocab": {}, "merges": []}})"), "the vocabulary has no tokens");
  EXPECT_EQ(error_of(R"({"model": {"vocab": {"a": 0, "b": 0}, "merges": []}})"), "tokenizer.json: tokens \"a\" and \"b\" both have id 0");
  EXPECT_EQ(error_of(R"({"model": {"vocab": {"a": -1}, "merges": []}})"),
            "tokenizer.json: token \"a\" has id -1, but there are only 1 tokens");
  EXPECT_EQ(error_of(R"({"model": {"vocab": {"a": 4000000000}, "merges": []}})"),
            "tokenizer.json: token \"a\" has id 4000000000, but there are only 1 tokens");
  EXPECT_EQ(error_of(R"({"model": {"vocab": {"a": "0"}, "merges": []}})"),
            "tokenizer.json: model.vocab gives token \"a\" an id that is no integer");
  EXPECT_EQ(error_of(R"({"added_tokens": [{"id": 266, "content": "he"}]})"), "tokens 256 and 266 are both \"he\"");
  EXPECT_EQ(error_of(R"({"added_tokens": [{"id": 256, "content": "new"}]})"), "tokenizer.json: tokens \"he\" and \"new\" both have id 256");
  EXPECT_EQ(error_of(R"({"added_tokens": [{"content": "new"}]})"), "tokenizer.json: added_tokens.id must be an integer from 0 to 2^31 - 1");
  EXPECT_EQ(error_of(R"({"model": {"unk_token": "nope"}})"), "tokenizer.json: model.unk_token is \"nope\", which is no token");
  EXPECT_EQ(error_of(R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}})").substr(0, 49),
            "the regular expression \"(a\" is not understood nea");
  EXPECT_EQ(error_of(R"({"post_processor": {"type": "RobertaProcessing", "cls": ["x", 9999], "sep": ["y", 1]}})"),
            "tokenizer.json: post_processor is token 9999, but the vocabulary has 266 tokens");
}

}  // namespace
}  // namespace ondol
