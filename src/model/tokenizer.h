// Text to token ids and back.
//
// Owner: the Model. Immutable; any thread. Bounded: input text is limited by the caller, time is near-linear in it (a heap-driven merge,
// O(n log n) inside a pre-token).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

class GgufFile;  // model/gguf.h

struct EncodeOptions {
  bool add_special = true;    // BOS / EOS as the model wants them
  bool parse_special = true;  // control tokens in the text (<|im_end|>) become their ids; false: they are plain text
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // From GGUF metadata (tokenizer.ggml.*). Errors: kInvalidArgument (lying metadata), kUnimplemented (a kind that is not supported).
  static Result<std::unique_ptr<Tokenizer>> from_gguf(const GgufFile& file);
  // From the content of tokenizer.json, and tokenizer_config.json (may be empty).
  static Result<std::unique_ptr<Tokenizer>> from_json(std::string_view tokenizer_json, std::string_view tokenizer_config_json);

  // Invalid UTF-8 is an error (kInvalidArgument).
  virtual Result<std::vector<int32_t>> encode(std::string_view text, const EncodeOptions& options = {}) const = 0;

  // The raw bytes of one token as they stand in running text; may be part of a character. Control tokens give "" unless `show_special`.
  // Ids outside the vocabulary give "".
  virtual std::string token_bytes(int32_t id, bool show_special = false) const = 0;

  // The name of the token as the vocabulary spells it ("<|im_end|>").
  virtual std::string_view token_name(int32_t id) const = 0;
  virtual std::optional<int32_t> find(std::string_view token) const = 0;

  virtual int32_t vocab_size() const = 0;
  virtual bool is_control(int32_t id) const = 0;
  virtual std::optional<int32_t> bos() const = 0;
  virtual std::optional<int32_t> eos() const = 0;
  // Every token that ends an answer: eos() first, then the family's other ends of a turn or a text (<|im_end|>, <|endoftext|>, <|eot_id|>).
  virtual std::vector<int32_t> end_ids() const { return eos() ? std::vector<int32_t>{*eos()} : std::vector<int32_t>{}; }
  virtual bool adds_bos() const = 0;
  // SentencePiece models put a space in front of the text; the first piece of an answer loses it.
  virtual bool strips_leading_space() const = 0;

  // All of a sequence at once; invalid UTF-8 in the result is replaced by U+FFFD.
  std::string decode(const std::vector<int32_t>& ids, bool show_special = false) const;
};

// Turns a stream of tokens into text that is valid UTF-8 at every step: bytes of an unfinished character are held back until they are
// complete, and replaced by U+FFFD when they cannot become one. Holds at most 3 bytes. One owner thread.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool show_special = false) : tokenizer_(&tokenizer), show_special_(show_special) {}
  // The text that became complete by this token; often empty in the middle of a character.
  std::string push(int32_t id);
  // What is still held back, at the end of the stream: U+FFFD for an unfinished character.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool show_special_;
  bool first_ = true;
  std::string held_;
};

}  // namespace ondol
