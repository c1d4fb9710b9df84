#include <boost/json.hpp>
#include <utility>

#include "gateway/response_format.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kChunk = "chat.completion.chunk";

json::object function_json(std::string_view name, std::string_view arguments) {
  json::object out;
  if (!name.empty()) out["name"] = name;
  out["arguments"] = arguments;
  return out;
}

// The calls of a whole answer: their parts put together.
json::array calls_json(const std::vector<AnswerPart>& parts) {
  json::array calls;
  for (const AnswerPart& part : parts) {
    if (part.kind != AnswerPart::Kind::kToolCall) continue;
    if (!part.call_id.empty()) {
      calls.push_back({{"id", part.call_id}, {"type", "function"}, {"function", function_json(part.name, part.text)}});
    } else if (!calls.empty()) {  // more of the last call: calls do not interleave
      json::string& arguments = calls.back().as_object()["function"].as_object()["arguments"].as_string();
      arguments.append(part.text);
    }
  }
  return calls;
}

class ChatFormat final : public ResponseFormat {
 public:
  ChatFormat(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index)
      : meta_(std::move(meta)), tokenizer_(&tokenizer), logprobs_(logprobs), index_(index) {}

  std::string opening() override { return chunk({{"role", "assistant"}, {"content", ""}}, nullptr, nullptr); }

  std::string delta(const AnswerPiece& piece) override {
    json::value logprobs = logprobs_ && !piece.tokens.empty() ? logprobs_json(piece) : json::value(nullptr);
    std::string out;
    for (const AnswerPart& part : piece.parts) {
      if (part.kind == AnswerPart::Kind::kContent) {
        out += chunk({{"content", part.text}}, std::exchange(logprobs, nullptr), nullptr);
      } else if (part.kind == AnswerPart::Kind::kReasoning) {
        out += chunk({{"reasoning_content", part.text}, {"reasoning", part.text}}, nullptr, nullptr);
      } else {
        out += call_delta(part);
      }
    }
    if (!logprobs.is_null()) out += chunk({{"content", ""}}, std::move(logprobs), nullptr);
    return out;
  }

  std::string closing(std::string_view finish_reason, const Usage& usage) override {
    std::string out = chunk(json::object(), nullptr, json::string(called_ ? reason_with_calls(finish_reason) : finish_reason));
    if (!meta_.ends_stream) return out;
    if (meta_.include_usage) out += usage_frame(meta_, kChunk, usage);
    return out + sse_frame_text("[DONE]");
  }

  std::string failed(const ApiError& error) override { return sse_frame_text(error_json(error)); }

  std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) override {
    json::object choice;
    choice["index"] = index_;
    choice["message"] = message(piece);
    choice["logprobs"] = logprobs_ ? logprobs_json(piece) : json::value(nullptr);
    choice["finish_reason"] = has_calls(piece.parts) ? reason_with_calls(finish_reason) : finish_reason;
    json::object body = response_head(meta_, "chat.completion");
    body["choices"] = json::array{std::move(choice)};
    body["usage"] = usage_json(usage);
    return json::serialize(body);
  }

 private:
  // An answer that was cut stays "length": its last call may be incomplete.
  static std::string_view reason_with_calls(std::string_view finish_reason) {
    return finish_reason == "stop" ? std::string_view("tool_calls") : finish_reason;
  }

  static json::object message(const AnswerPiece& piece) {
    const std::string content = text_of(piece.parts, AnswerPart::Kind::kContent);
    const std::string reasoning = text_of(piece.parts, AnswerPart::Kind::kReasoning);
    json::array calls = calls_json(piece.parts);
    json::object out;
    out["role"] = "assistant";
    out["content"] = content.empty() && !piece.parts.empty() ? json::value(nullptr) : json::value(json::string(content));
    out["refusal"] = nullptr;
    if (!reasoning.empty()) {
      out["reasoning_content"] = reasoning;
      out["reasoning"] = reasoning;
    }
    if (!calls.empty()) out["tool_calls"] = std::move(calls);
    return out;
  }

  std::string call_delta(const AnswerPart& part) {
    called_ = true;
    std::string out;
    const auto call = [&](json::object fields) {
      json::object entry = {{"index", part.call}};
      for (auto& field : fields) entry[field.key()] = std::move(field.value());
      out += chunk({{"tool_calls", json::array{std::move(entry)}}}, nullptr, nullptr);
    };
    if (!part.call_id.empty()) call({{"id", part.call_id}, {"type", "function"}, {"function", function_json(part.name, "")}});
    if (!part.text.empty()) call({{"function", function_json("", part.text)}});
    return out;
  }

  std::string chunk(json::object delta, json::value logprobs, json::value finish_reason) const {
    json::object choice;
    choice["index"] = index_;
    choice["delta"] = std::move(delta);
    choice["logprobs"] = std::move(logprobs);
    choice["finish_reason"] = std::move(finish_reason);
    json::object chunk = response_head(meta_, kChunk);
    chunk["choices"] = json::array{std::move(choice)};
    if (meta_.include_usage) chunk["usage"] = nullptr;
    return sse_frame(chunk);
  }

  json::value logprobs_json(const AnswerPiece& piece) const {
    return {{"content", token_logprobs_json(*tokenizer_, piece.tokens)}, {"refusal", nullptr}};
  }

  ResponseMeta meta_;
  const Tokenizer* tokenizer_;
  bool logprobs_;
  int index_;
  bool called_ = false;
};

}  // namespace

std::unique_ptr<ResponseFormat> make_chat_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index) {
  return std::make_unique<ChatFormat>(std::move(meta), tokenizer, logprobs, index);
}

}  // namespace ondol
