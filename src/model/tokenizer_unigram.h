// SentencePiece's unigram model as XLM-RoBERTa uses it: of all ways to cut a text into pieces, the one with the largest sum of scores.
//
// Owner: whoever made it. Immutable after make(); any thread. Bounded: a text of n bytes takes O(n * longest piece) steps, the longest
// piece having at most kMaxPieceBytes; memory is 12 bytes for each byte of the longest word.
//
// Text first comes to NFC, because the character rules of a file know composed characters only (decomposed Hangul, as in file names of
// macOS, would fall apart into single letters); then each character is replaced by its rule, runs of spaces become one, a space is put in
// front, and spaces become U+2581. An empty text is one space. Sources: Kudo 2018, "Subword Regularization"; Conneau et al. 2020 (XLM-R).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer.h"
#include "model/tokenizer_vocab.h"

namespace ondol {

// A character and what stands for it: bytes [begin, end) of UnigramTables::replacements.
struct CharRule {
  uint32_t point;
  uint32_t begin;
  uint32_t end;
};

struct UnigramTables {
  std::vector<std::string_view> pieces;  // by id
  std::vector<float> scores;             // by id; natural logarithms of probabilities
  int32_t bos = 0, eos = 0, pad = 0, unknown = 0;
  std::vector<CharRule> rules;  // in ascending order of `point`
  std::string replacements;     // valid UTF-8
};

class UnigramTokenizer final : public Tokenizer {
 public:
  static constexpr size_t kMaxPieceBytes = 256;       // XLM-R's longest piece has 48
  static constexpr size_t kMaxReplacementBytes = 64;  // U+FDFA, the worst character, becomes 33 bytes

  // Copies what it needs of the tables. Errors: kInvalidArgument (counts that differ, ids outside the vocabulary, scores that are not
  // finite, rules that are not in order, and what Vocabulary::make says).
  static Result<std::unique_ptr<UnigramTokenizer>> make(const UnigramTables& tables);

  Result<std::vector<int32_t>> encode(std::string_view text, const EncodeOptions& options = {}) const override;
  std::string token_bytes(int32_t id, bool show_special = false) const override;
  std::string_view token_name(int32_t id) const override { return vocab_.name(id); }
  std::optional<int32_t> find(std::string_view token) const override;
  int32_t vocab_size() const override { return vocab_.size(); }
  bool is_control(int32_t id) const override { return vocab_.contains(id) && vocab_.kind(id) == TokenKind::kControl; }
  std::optional<int32_t> bos() const override { return bos_; }
  std::optional<int32_t> eos() const override { return eos_; }
  bool adds_bos() const override { return true; }
  bool strips_leading_space() const override { return true; }

 private:
  // A node's children lie side by side in `nodes_`, in the order of their bytes.
  struct Node {
    uint32_t first_child = 0;
    int32_t piece = -1;
    uint16_t children = 0;
    uint8_t byte = 0;
  };
  // The best way to one place of a word.
  struct Step {
    float score;
    int32_t piece;
    uint32_t from;
  };

  void build_trie();
  const Node* child(const Node& node, uint8_t byte) const;
  const CharRule* find_rule(uint32_t point) const;
  std::string prepare(std::string_view text) const;
  void cut(std::string_view word, bool parse_special, float& total, std::vector<Step>& steps, std::vector<int32_t>& out) const;

  Vocabulary vocab_;
  std::vector<float> scores_;
  std::vector<Node> nodes_;  // [0] is the root
  std::vector<CharRule> rules_;
  std::array<int32_t, 128> ascii_rules_{};  // index in rules_, or -1
  std::string replacements_;
  int32_t bos_ = 0, eos_ = 0, unknown_ = 0;
  float unknown_score_ = 0;
  bool word_by_word_ = false;
};

}  // namespace ondol
