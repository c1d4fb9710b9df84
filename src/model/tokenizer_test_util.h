// Small vocabularies for tests, as tokenizer.json and as GGUF.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/gguf.h"
#include "model/gguf_writer_test_util.h"
#include "model/tokenizer.h"
#include "model/tokenizer_bpe.h"

namespace ondol {

struct SmallVocab {
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::string>> merges;

  int32_t id(std::string_view name) const {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return static_cast<int32_t>(i);
    }
    return -1;
  }
};

// The 256 bytes in order of their values (so that the id of a byte is the byte), then the results of `merges`, given as plain bytes.
inline SmallVocab byte_vocab(const std::vector<std::pair<std::string, std::string>>& merges) {
  SmallVocab vocab;
  for (int byte = 0; byte < 256; ++byte) vocab.names.push_back(spell_bytes(std::string(1, static_cast<char>(byte))));
  for (const auto& [left, right] : merges) {
    vocab.merges.emplace_back(spell_bytes(left), spell_bytes(right));
    const std::string joined = spell_bytes(left + right);
    if (vocab.id(joined) < 0) vocab.names.push_back(joined);
  }
  return vocab;
}

inline SmallVocab english_vocab() {
  return byte_vocab({{"h", "e"},
                     {"l", "l"},
                     {"he", "ll"},
                     {"hell", "o"},
                     {" ", "hello"},
                     {" ", "w"},
                     {"o", "r"},
                     {" w", "or"},
                     {" wor", "l"},
                     {" worl", "d"}});
}

// A tokenizer.json of byte-level BPE in GPT-2's manner; `parts` (JSON text) are added or replace its members.
inline std::string small_json(const SmallVocab& vocab, std::string_view parts = "{}") {
  namespace json = boost::json;
  json::object ids;
  for (size_t i = 0; i < vocab.names.size(); ++i) ids[vocab.names[i]] = i;
  json::array merges;
  for (const auto& [left, right] : vocab.merges) merges.push_back(json::array{json::string(left), json::string(right)});
  const json::object byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  json::object root = {{"model", json::object{{"type", "BPE"}, {"vocab", ids}, {"merges", merges}}},
                       {"pre_tokenizer", byte_level},
                       {"decoder", json::object{{"type", "ByteLevel"}}}};
  const json::value more = json::parse(json::string_view(parts.data(), parts.size()));
  for (const auto& member : more.as_object()) {
    if (member.key() == "model") {
      for (const auto& inner : member.value().as_object()) root["model"].as_object()[inner.key()] = inner.value();
    } else {
      root[member.key()] = member.value();
    }
  }
  return json::serialize(root);
}

// A GGUF of a byte-level model; the kinds are 1 (normal) but for `special` names (3) appended to the vocabulary.
inline GgufWriter small_gguf(SmallVocab vocab, std::string_view pre, const std::vector<std::string>& special = {}) {
  std::vector<int32_t> kinds(vocab.names.size(), 1);
  for (const std::string& name : special) {
    vocab.names.push_back(name);
    kinds.push_back(3);
  }
  std::vector<std::string> merges;
  for (const auto& [left, right] : vocab.merges) merges.push_back(left + " " + right);
  GgufWriter writer;
  writer.string("tokenizer.ggml.model", "gpt2");
  if (!pre.empty()) writer.string("tokenizer.ggml.pre", pre);
  writer.strings("tokenizer.ggml.tokens", vocab.names);
  writer.i32s("tokenizer.ggml.token_type", kinds);
  writer.strings("tokenizer.ggml.merges", merges);
  return writer;
}

inline Result<std::unique_ptr<Tokenizer>> tokenizer_of(const GgufWriter& writer) {
  const std::string bytes = writer.bytes();
  ONDOL_TRY(const GgufFile file, GgufFile::parse(std::as_bytes(std::span(bytes))));
  return Tokenizer::from_gguf(file);
}

// A text of characters that the rules treat differently, reproducible from the seed.
inline std::string random_text(std::mt19937& random, size_t max_pieces) {
  static const char* const kPieces[] = {"a",
                                        "B",
                                        "he",
                                        "llo",
                                        "'s",
                                        "'LL",
                                        "'",
                                        " ",
                                        " ",
                                        "  ",
                                        "\t",
                                        "\n",
                                        "\r\n",
                                        "\xC2\xA0",
                                        "\xE3\x80\x80",
                                        "1",
                                        "23",
                                        "\xC2\xBD",
                                        "\xD9\xA3",
                                        "한",
                                        "국어",
                                        "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB",
                                        "é",
                                        "e\xCC\x81",
                                        "\xCC\xA3",
                                        ".",
                                        "/",
                                        "--",
                                        "<|",
                                        "😀",
                                        "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
                                        "\xC5\xBF",
                                        "'\xC5\xBF",
                                        "\xEF\xBB\xBF",
                                        "日本",
                                        "ＡＢ"};
  std::string text;
  for (size_t count = random() % max_pieces + 1; count > 0; --count) text += kPieces[random() % std::size(kPieces)];
  return text;
}

}  // namespace ondol
