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

  std::string opening() override { return chunk({{"role", "assistant"}, {"content", ""}}, nullptr, {}); }

  std::string delta(const AnswerPiece& piece) override {
    json::value logprobs = logprobs_ && !piece.tokens.empty() ? logprobs_json(piece) : json::value(nullptr);
    std::string out;
    for (const AnswerPart& part : piece.parts) {
      if (part.kind == AnswerPart::Kind::kContent) {
        out += chunk({{"content", part.text}}, std::exchange(logprobs, nullptr), {});
      } else if (part.kind == AnswerPart::Kind::kReasoning) {
        out += chunk({{"reasoning_content", part.text}, {"reasoning", part.text}}, nullptr, {});
      } else {
        out += call_delta(part);
      }
    }
    if (!logprobs.is_null()) out += chunk({{"content", ""}}, logprobs, {});
    return out;
  }

  std::string closing(std::string_view finish_reason, const Usage& usage) override {
    std::string out = chunk(json::object(), nullptr, called_ ? reason_with_calls(finish_reason) : finish_reason);
    if (!meta_.ends_stream) return out;
    if (meta_.include_usage) out += usage_frame(meta_, kChunk, usage);
    return out + sse_frame_text("[DONE]");
  }

  std::string failed(const ApiError& error) override { return sse_frame_text(error_json(error)); }

  std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) override {
    const std::string_view reason = has_calls(piece.parts) ? reason_with_calls(finish_reason) : finish_reason;
    std::string out = open_head(meta_, "chat.completion") + open_choice("message") + json::serialize(message(piece));
    out += close_choice(logprobs_ ? logprobs_json(piece) : json::value(nullptr), reason);
    out.append(R"(,"usage":)").append(json::serialize(usage_json(usage))).append("}");
    return out;
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
      out += chunk({{"tool_calls", json::array{std::move(entry)}}}, nullptr, {});
    };
    if (!part.call_id.empty()) call({{"id", part.call_id}, {"type", "function"}, {"function", function_json(part.name, "")}});
    if (!part.text.empty()) call({{"function", function_json("", part.text)}});
    return out;
  }

  // Written as text: what an answer's chunks have in common is made once, and not for every token.
  std::string chunk(const json::object& delta, const json::value& logprobs, std::string_view finish_reason) {
    if (chunk_start_.empty()) chunk_start_ = "data: " + open_head(meta_, kChunk) + open_choice("delta");
    std::string out = chunk_start_ + json::serialize(delta) + close_choice(logprobs, finish_reason);
    out += meta_.include_usage ? ",\"usage\":null}\n\n" : "}\n\n";
    return out;
  }

  std::string open_choice(std::string_view content) const {
    std::string out = R"(,"choices":[{"index":)" + std::to_string(index_);
    return out.append(",\"").append(content).append("\":");
  }

  // A finish reason is a plain word; without one it is null.
  static std::string close_choice(const json::value& logprobs, std::string_view finish_reason) {
    std::string out = R"(,"logprobs":)" + (logprobs.is_null() ? std::string("null") : json::serialize(logprobs)) + R"(,"finish_reason":)";
    if (finish_reason.empty()) return out + "null}]";
    return out.append("\"").append(finish_reason).append("\"}]");
  }

  json::value logprobs_json(const AnswerPiece& piece) const {
    return {{"content", token_logprobs_json(*tokenizer_, piece.tokens)}, {"refusal", nullptr}};
  }

  ResponseMeta meta_;
  const Tokenizer* tokenizer_;
  bool logprobs_;
  int index_;
  bool called_ = false;
  std::string chunk_start_;  // up to the delta
};

}  // namespace

std::unique_ptr<ResponseFormat> make_chat_format(ResponseMeta meta, const Tokenizer& tokenizer, bool logprobs, int index) {
  return std::make_unique<ChatFormat>(std::move(meta), tokenizer, logprobs, index);
}

}  // namespace ondol
