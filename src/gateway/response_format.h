// The JSON of an answer: whole, or as server-sent events. One implementation per endpoint.
//
// Owner: one generation. One thread. Pure: (pieces, numbers) in, text out; no I/O. Bounded by the answer.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/api_error.h"
#include "gateway/answer.h"
#include "gateway/usage.h"

namespace ondol {

// What stands in every response and chunk.
struct ResponseMeta {
  std::string id;  // "chatcmpl-..." or "cmpl-..."
  int64_t created_unix_s = 0;
  std::string model;
  std::string fingerprint;
  bool include_usage = false;  // a usage chunk ends the stream; the others carry "usage": null, as OpenAI's do
  bool ends_stream = true;     // false: several answers share the stream, and Reply ends it
};

// The functions of a stream return whole events ("data: {...}\n\n"), none or several; they are called in this order, each delta with what
// came since the one before.
class ResponseFormat {
 public:
  virtual ~ResponseFormat() = default;

  virtual std::string opening() = 0;
  virtual std::string delta(const AnswerPiece& piece) = 0;
  // To the very end: with the usage when it was asked for, and "data: [DONE]" where the endpoint has it.
  virtual std::string closing(std::string_view finish_reason, const Usage& usage) = 0;
  // Instead of closing: an error in the middle of a stream.
  virtual std::string failed(const ApiError& error) = 0;

  // The answer of a request that does not stream.
  virtual std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) = 0;
};

// The tokenizer outlives them. `logprobs`: answers carry the tokens' log-probabilities (else null). `index`: of the choice.
std::unique_ptr<ResponseFormat> make_chat_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index = 0);
std::unique_ptr<ResponseFormat> make_completion_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index = 0);

// One event of a stream; the text must be one line.
std::string sse_frame(const boost::json::value& value);
std::string sse_frame_text(std::string_view line);

// Shared by the formats.
boost::json::object response_head(const ResponseMeta& meta, std::string_view object);
// The same as text, without the brace that ends it: what follows is written behind it.
std::string open_head(const ResponseMeta& meta, std::string_view object);
boost::json::value usage_json(const Usage& usage);
// The last chunk of a stream that counts.
std::string usage_frame(const ResponseMeta& meta, std::string_view object, const Usage& usage);
// A token as text: as it stands in a text, control tokens by name.
std::string token_text_bytes(const Tokenizer& tokenizer, int32_t token);
// Bytes that are not valid UTF-8 become U+FFFD.
std::string to_valid_utf8(std::string_view bytes);
// The log-probabilities of tokens as chats and responses show them: token, logprob, bytes, top_logprobs.
boost::json::array token_logprobs_json(const Tokenizer& tokenizer, const std::vector<TokenRecord>& records);
// JSON has no infinity: a token that cannot come gets -9999, as in OpenAI's answers.
double json_logprob(float logprob);

}  // namespace ondol
