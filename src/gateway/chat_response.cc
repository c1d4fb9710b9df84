#include <boost/json.hpp>

#include "gateway/response_format.h"

namespace ondol {
namespace {

namespace json = boost::json;

class ChatFormat final : public ResponseFormat {
 public:
  ChatFormat(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs)
      : meta_(std::move(meta)), tokenizer_(&tokenizer), logprobs_(logprobs) {}

  std::string opening() const override { return chunk({{"role", "assistant"}, {"content", ""}}, nullptr, nullptr); }

  std::string delta(const AnswerPiece& piece) const override {
    return chunk({{"content", piece.text}}, logprobs_ ? logprobs_json(piece) : json::value(nullptr), nullptr);
  }

  std::string closing(std::string_view finish_reason) const override { return chunk(json::object(), nullptr, json::string(finish_reason)); }

  std::string usage(const Usage& usage) const override {
    json::object chunk = response_head(meta_, "chat.completion.chunk");
    chunk["choices"] = json::array();
    chunk["usage"] = usage_json(usage);
    return json::serialize(chunk);
  }

  std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) const override {
    json::object choice;
    choice["index"] = 0;
    choice["message"] = {{"role", "assistant"}, {"content", piece.text}, {"refusal", nullptr}};
    choice["logprobs"] = logprobs_ ? logprobs_json(piece) : json::value(nullptr);
    choice["finish_reason"] = finish_reason;
    json::object body = response_head(meta_, "chat.completion");
    body["choices"] = json::array{std::move(choice)};
    body["usage"] = usage_json(usage);
    return json::serialize(body);
  }

 private:
  std::string chunk(json::object delta, json::value logprobs, json::value finish_reason) const {
    json::object choice;
    choice["index"] = 0;
    choice["delta"] = std::move(delta);
    choice["logprobs"] = std::move(logprobs);
    choice["finish_reason"] = std::move(finish_reason);
    json::object chunk = response_head(meta_, "chat.completion.chunk");
    chunk["choices"] = json::array{std::move(choice)};
    if (meta_.include_usage) chunk["usage"] = nullptr;
    return json::serialize(chunk);
  }

  json::object token_json(int32_t token, float logprob) const {
    const std::string bytes = token_text_bytes(*tokenizer_, token);
    json::array numbers;
    for (const char c : bytes) numbers.emplace_back(static_cast<unsigned char>(c));
    json::object out;
    out["token"] = to_valid_utf8(bytes);
    out["logprob"] = json_logprob(logprob);
    out["bytes"] = std::move(numbers);
    return out;
  }

  json::value logprobs_json(const AnswerPiece& piece) const {
    json::array content;
    for (const TokenRecord& record : piece.tokens) {
      json::object entry = token_json(record.event.token, record.event.logprob);
      json::array top;
      for (const TokenLogprob& candidate : record.event.top) top.push_back(token_json(candidate.token, candidate.logprob));
      entry["top_logprobs"] = std::move(top);
      content.push_back(std::move(entry));
    }
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }

  ResponseMeta meta_;
  const Tokenizer* tokenizer_;
  bool logprobs_;
};

}  // namespace

std::unique_ptr<ResponseFormat> make_chat_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs) {
  return std::make_unique<ChatFormat>(std::move(meta), tokenizer, logprobs);
}

}  // namespace ondol
