// The JSON of an answer: whole, or in chunks. One implementation per endpoint.
//
// Owner: one generation. One thread. Pure: (pieces, numbers) in, text out; no I/O.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/answer.h"

namespace ondol {

// What stands in every response and chunk.
struct ResponseMeta {
  std::string id;  // "chatcmpl-..." or "cmpl-..."
  int64_t created_unix_s = 0;
  std::string model;
  std::string fingerprint;
  bool include_usage = false;  // chunks carry "usage": null, as OpenAI's do when a usage chunk will follow
};

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;
};

class ResponseFormat {
 public:
  virtual ~ResponseFormat() = default;

  // First chunk of a stream; empty if the endpoint has none.
  virtual std::string opening() const = 0;
  virtual std::string delta(const AnswerPiece& piece) const = 0;
  virtual std::string closing(std::string_view finish_reason) const = 0;
  virtual std::string usage(const Usage& usage) const = 0;

  // The answer of a request that does not stream.
  virtual std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) const = 0;
};

// The tokenizer outlives them. `logprobs`: answers carry the tokens' log-probabilities (else null).
std::unique_ptr<ResponseFormat> make_chat_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs);
std::unique_ptr<ResponseFormat> make_completion_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs);

// Shared by both.
boost::json::object response_head(const ResponseMeta& meta, std::string_view object);
boost::json::value usage_json(const Usage& usage);
// A token as text: as it stands in a text, control tokens by name.
std::string token_text_bytes(const Tokenizer& tokenizer, int32_t token);
// Bytes that are not valid UTF-8 become U+FFFD.
std::string to_valid_utf8(std::string_view bytes);
// JSON has no infinity: a token that cannot come gets -9999, as in OpenAI's answers.
double json_logprob(float logprob);

}  // namespace ondol
