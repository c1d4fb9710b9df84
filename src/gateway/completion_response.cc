#include <boost/json.hpp>
#include <cmath>

#include "gateway/response_format.h"

namespace ondol {
namespace {

namespace json = boost::json;

class CompletionFormat final : public ResponseFormat {
 public:
  CompletionFormat(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index)
      : meta_(std::move(meta)), tokenizer_(&tokenizer), logprobs_(logprobs), index_(index) {}

  std::string opening() override { return {}; }

  std::string delta(const AnswerPiece& piece) override { return sse_frame(chunk(piece, nullptr)); }

  std::string closing(std::string_view finish_reason, const Usage& usage) override {
    std::string out = sse_frame(chunk({}, json::string(finish_reason)));
    if (!meta_.ends_stream) return out;
    if (meta_.include_usage) out += usage_frame(meta_, "text_completion", usage);
    return out + sse_frame_text("[DONE]");
  }

  std::string failed(const ApiError& error) override { return sse_frame_text(error_json(error)); }

  std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) override {
    json::object body = chunk(piece, json::string(finish_reason));
    body["usage"] = usage_json(usage);
    return json::serialize(body);
  }

 private:
  json::object chunk(const AnswerPiece& piece, json::value finish_reason) const {
    json::object choice;
    choice["text"] = text_of(piece.parts, AnswerPart::Kind::kContent);
    choice["index"] = index_;
    choice["logprobs"] = logprobs_ && !piece.tokens.empty() ? logprobs_json(piece) : json::value(nullptr);
    choice["finish_reason"] = std::move(finish_reason);
    json::object chunk = response_head(meta_, "text_completion");
    chunk["choices"] = json::array{std::move(choice)};
    if (meta_.include_usage) chunk["usage"] = nullptr;
    return chunk;
  }

  // The legacy shape names tokens by text alone, so one that is not valid UTF-8 is spelled "bytes:\xe2\x80", as OpenAI does.
  std::string token_name(int32_t token) const {
    const std::string bytes = token_text_bytes(*tokenizer_, token);
    if (to_valid_utf8(bytes) == bytes) return bytes;
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "bytes:";
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
    return out;
  }

  json::value logprobs_json(const AnswerPiece& piece) const {
    json::array tokens, logprobs, tops, offsets;
    for (const TokenRecord& record : piece.tokens) {
      tokens.emplace_back(token_name(record.event.token));
      offsets.emplace_back(record.char_offset);
      if (std::isnan(record.event.logprob)) {  // a prompt's first token
        logprobs.emplace_back(nullptr);
        tops.emplace_back(nullptr);
        continue;
      }
      logprobs.emplace_back(json_logprob(record.event.logprob));
      json::object top;
      for (const TokenLogprob& candidate : record.event.top) top.emplace(token_name(candidate.token), json_logprob(candidate.logprob));
      tops.push_back(std::move(top));
    }
    json::object out;
    out["tokens"] = std::move(tokens);
    out["token_logprobs"] = std::move(logprobs);
    out["top_logprobs"] = std::move(tops);
    out["text_offset"] = std::move(offsets);
    return out;
  }

  ResponseMeta meta_;
  const Tokenizer* tokenizer_;
  bool logprobs_;
  int index_;
};

}  // namespace

std::unique_ptr<ResponseFormat> make_completion_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index) {
  return std::make_unique<CompletionFormat>(std::move(meta), tokenizer, logprobs, index);
}

}  // namespace ondol
