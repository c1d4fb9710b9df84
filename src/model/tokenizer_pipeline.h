// The one tokenizer behind the interface: added tokens, normaliser, rules for cutting, a merge model, and the way back to bytes.
//
// Owner: the Model. Immutable after construction; any thread (what an encoding needs is on its own stack). Bounded: the text by kMaxText,
// the rest by its parts.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/pretokenizer.h"
#include "model/tokenizer.h"
#include "model/tokenizer_added.h"
#include "model/tokenizer_bpe.h"
#include "model/tokenizer_normalize.h"
#include "model/tokenizer_spm.h"
#include "model/tokenizer_vocab.h"

namespace ondol {

// How a token's name becomes text.
struct Spelling {
  bool byte_level = false;                                        // the byte alphabet of GPT-2
  bool byte_fallback = false;                                     // <0x0A> is a byte
  std::vector<std::pair<std::string, std::string>> replacements;  // e.g. "▁" by " "
  bool strips_leading_space = false;
};

struct SpecialIds {
  std::optional<int32_t> bos, eos;
  std::vector<int32_t> before, after;  // what EncodeOptions::add_special puts around a text
  std::vector<int32_t> end;            // all that end an answer
};

struct TokenizerParts {
  Vocabulary vocab;
  AddedTokens added;             // found in the text as it comes
  AddedTokens added_normalized;  // found after the normaliser
  std::vector<Normalizer> normalizers;
  PreTokenizer pre;
  std::variant<Bpe, Spm> model;
  Spelling spelling;
  SpecialIds special;
};

class PipelineTokenizer final : public Tokenizer {
 public:
  static constexpr size_t kMaxText = size_t{64} << 20;  // bytes; offsets have 32 bits also after normalisation

  explicit PipelineTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}

  Result<std::vector<int32_t>> encode(std::string_view text, const EncodeOptions& options) const override;
  std::string token_bytes(int32_t id, bool show_special) const override;
  std::string_view token_name(int32_t id) const override { return parts_.vocab.name(id); }
  std::optional<int32_t> find(std::string_view token) const override;
  int32_t vocab_size() const override { return parts_.vocab.size(); }
  bool is_control(int32_t id) const override;
  std::optional<int32_t> bos() const override { return parts_.special.bos; }
  std::optional<int32_t> eos() const override { return parts_.special.eos; }
  std::vector<int32_t> end_ids() const override { return parts_.special.end; }
  bool adds_bos() const override;
  bool strips_leading_space() const override { return parts_.spelling.strips_leading_space; }

 private:
  struct Scratch;
  struct Context {
    bool with_special;
    bool at_start;  // this is where the whole text begins
  };
  Status encode_plain(std::string_view text, Context context, Scratch& scratch, std::vector<int32_t>& out) const;
  Status encode_normalized(std::string_view text, bool at_start, Scratch& scratch, std::vector<int32_t>& out) const;

  TokenizerParts parts_;
};

// Checks an id that metadata gives for `what`. Errors: kInvalidArgument.
Result<int32_t> checked_id(const Vocabulary& vocab, int64_t id, std::string_view what);

// The tokens that end an answer: `eos`, and every control token that the known families end a turn or a text with.
std::vector<int32_t> end_tokens(const Vocabulary& vocab, std::span<const int32_t> known);

}  // namespace ondol
