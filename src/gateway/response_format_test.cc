#include "gateway/response_format.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

const ResponseMeta kMeta = {.id = "id-1", .created_unix_s = 12, .model = "m", .fingerprint = "fp_0", .include_usage = false};
const Usage kUsage = {.prompt_tokens = 5, .cached_tokens = 2, .completion_tokens = 3};

AnswerPart part(AnswerPart::Kind kind, std::string text, int call = 0, std::string id = "", std::string name = "") {
  return {.kind = kind, .text = std::move(text), .call = call, .call_id = std::move(id), .name = std::move(name)};
}

std::string frame(const std::string& json) { return "data: " + json + "\n\n"; }

AnswerPiece piece(bool tokens) {
  AnswerPiece out;
  out.parts.push_back(part(AnswerPart::Kind::kContent, "h\"\n"));
  if (tokens) {
    out.tokens.push_back(
        {.event = {.token = 'h', .logprob = -0.5f, .top = {{'h', -0.5f}, {0xED, -INFINITY}}}, .byte_offset = 0, .char_offset = 0});
    out.tokens.push_back({.event = {.token = 256, .logprob = -0.25f, .top = {}}, .byte_offset = 1, .char_offset = 1});
  }
  return out;
}

TEST(ChatFormat, ChunksAsOpenAIs) {
  const FakeTokenizer tokenizer;
  const auto format = make_chat_format(kMeta, tokenizer, false);
  const std::string head =
      R"({"id":"id-1","object":"chat.completion.chunk","created":12,"model":"m","system_fingerprint":"fp_0","choices":[)";
  const std::string none = R"(,"logprobs":null,"finish_reason":null}]})";
  EXPECT_EQ(format->opening(), frame(head + R"({"index":0,"delta":{"role":"assistant","content":""})" + none));
  EXPECT_EQ(format->delta(piece(false)), frame(head + R"({"index":0,"delta":{"content":"h\"\n"})" + none));
  EXPECT_EQ(format->closing("stop", kUsage),
            frame(head + R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})") + frame("[DONE]"));
}

TEST(ChatFormat, AUsageChunkEndsTheStream) {
  const FakeTokenizer tokenizer;
  ResponseMeta meta = kMeta;
  meta.include_usage = true;
  for (const auto& format : {make_chat_format(meta, tokenizer, false), make_completion_format(meta, tokenizer, false)}) {
    EXPECT_TRUE(format->delta(piece(false))
                    .ends_with(R"("finish_reason":null}],"usage":null})"
                               "\n\n"));
    const std::string end = format->closing("stop", kUsage);
    EXPECT_NE(end.find(R"("finish_reason":"stop"}],"usage":null})"), std::string::npos);
    EXPECT_TRUE(end.ends_with(R"("choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,)"
                              R"("prompt_tokens_details":{"cached_tokens":2}}})"
                              "\n\ndata: [DONE]\n\n"))
        << end;
  }
}

TEST(ChatFormat, CallsAndReasoningAsDeltas) {
  const FakeTokenizer tokenizer;
  const auto format = make_chat_format(kMeta, tokenizer, false, 2);
  AnswerPiece first;
  first.parts = {part(AnswerPart::Kind::kReasoning, "hm"), part(AnswerPart::Kind::kToolCall, "{\"a\"", 0, "call_1", "f")};
  AnswerPiece second;
  second.parts = {part(AnswerPart::Kind::kToolCall, ":1}"), part(AnswerPart::Kind::kToolCall, "{}", 1, "call_2", "g")};
  const std::string head = R"({"id":"id-1","object":"chat.completion.chunk","created":12,"model":"m","system_fingerprint":"fp_0",)"
                           R"("choices":[{"index":2,"delta":)";
  const std::string tail = R"(,"logprobs":null,"finish_reason":null}]})";
  EXPECT_EQ(
      format->delta(first),
      frame(head + R"({"reasoning_content":"hm","reasoning":"hm"})" + tail) +
          frame(head + R"({"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]})" + tail) +
          frame(head + R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]})" + tail));
  EXPECT_EQ(
      format->delta(second),
      frame(head + R"({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]})" + tail) +
          frame(head + R"({"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":""}}]})" + tail) +
          frame(head + R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})" + tail));
  EXPECT_NE(format->closing("stop", kUsage).find(R"("finish_reason":"tool_calls")"), std::string::npos);
  EXPECT_NE(format->closing("length", kUsage).find(R"("finish_reason":"length")"), std::string::npos);
}

TEST(ChatFormat, LogprobsGoWithTheContent) {
  const FakeTokenizer tokenizer;
  const auto format = make_chat_format(kMeta, tokenizer, true);
  AnswerPiece mixed = piece(true);
  mixed.parts.insert(mixed.parts.begin(), part(AnswerPart::Kind::kReasoning, "hm"));
  const std::string text = format->delta(mixed);
  EXPECT_NE(text.find(R"("reasoning":"hm"},"logprobs":null)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("content":"h\"\n"},"logprobs":{"content":[)"), std::string::npos) << text;
  AnswerPiece tokens_only = piece(true);
  tokens_only.parts.clear();
  EXPECT_NE(format->delta(tokens_only).find(R"({"content":""},"logprobs":{"content":[)"), std::string::npos);
}

TEST(ChatFormat, WholeWithCallsAndReasoning) {
  const FakeTokenizer tokenizer;
  AnswerPiece answer;
  answer.parts = {part(AnswerPart::Kind::kReasoning, "hm"), part(AnswerPart::Kind::kToolCall, "{\"a\":1}", 0, "call_1", "f"),
                  part(AnswerPart::Kind::kToolCall, "{}", 1, "call_2", "g")};
  Usage usage = kUsage;
  usage.reasoning_tokens = 2;
  const std::string text = make_chat_format(kMeta, tokenizer, false)->whole(answer, "stop", usage);
  EXPECT_NE(
      text.find(R"("message":{"role":"assistant","content":null,"refusal":null,"reasoning_content":"hm","reasoning":"hm","tool_calls":[)"
                R"({"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
                R"({"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,)"
                R"("finish_reason":"tool_calls"})"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("completion_tokens_details":{"reasoning_tokens":2,)"), std::string::npos);
  answer.parts.clear();
  EXPECT_NE(make_chat_format(kMeta, tokenizer, false)->whole(answer, "stop", usage).find(R"("content":"")"), std::string::npos);
}

TEST(ResponseFormat, AnErrorInAStream) {
  const FakeTokenizer tokenizer;
  const ApiError error = to_api_error({Code::kInternal, "a NaN came out"});
  for (const auto& format : {make_chat_format(kMeta, tokenizer, false), make_completion_format(kMeta, tokenizer, false)}) {
    EXPECT_EQ(format->failed(error), frame(error_json(error)));
  }
}

TEST(ChatFormat, WholeWithLogprobs) {
  const FakeTokenizer tokenizer;
  const auto format = make_chat_format(kMeta, tokenizer, true);
  EXPECT_EQ(format->whole(piece(true), "length", kUsage),
            R"({"id":"id-1","object":"chat.completion","created":12,"model":"m","system_fingerprint":"fp_0","choices":[)"
            R"({"index":0,"message":{"role":"assistant","content":"h\"\n","refusal":null},"logprobs":{"content":[)"
            R"({"token":"h","logprob":-5E-1,"bytes":[104],"top_logprobs":[{"token":"h","logprob":-5E-1,"bytes":[104]},)"
            "{\"token\":\"\xEF\xBF\xBD\",\"logprob\":-9.999E3,\"bytes\":[237]}]},"
            R"({"token":"<end>","logprob":-2.5E-1,"bytes":[60,101,110,100,62],"top_logprobs":[]}],"refusal":null},)"
            R"("finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,)"
            R"("prompt_tokens_details":{"cached_tokens":2}}})");
}

TEST(CompletionFormat, LegacyShapes) {
  const FakeTokenizer tokenizer;
  const auto plain = make_completion_format(kMeta, tokenizer, false);
  const std::string head = R"({"id":"id-1","object":"text_completion","created":12,"model":"m","system_fingerprint":"fp_0","choices":[)";
  EXPECT_EQ(plain->opening(), "");
  EXPECT_EQ(plain->delta(piece(false)), frame(head + R"({"text":"h\"\n","index":0,"logprobs":null,"finish_reason":null}]})"));
  EXPECT_EQ(plain->closing("stop", kUsage),
            frame(head + R"({"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]})") + frame("[DONE]"));
  const auto format = make_completion_format(kMeta, tokenizer, true);
  EXPECT_EQ(format->whole(piece(true), "stop", kUsage),
            head + R"({"text":"h\"\n","index":0,"logprobs":{"tokens":["h","<end>"],"token_logprobs":[-5E-1,-2.5E-1],)" +
                R"("top_logprobs":[{"h":-5E-1,"bytes:\\xed":-9.999E3},{}],"text_offset":[0,1]},"finish_reason":"stop"}],)" +
                R"("usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":2}}})");
}

TEST(ToValidUtf8, ReplacesWhatIsNot) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(to_valid_utf8("온 a"), "온 a");
  EXPECT_EQ(to_valid_utf8("\xec\x98"), bad + bad);
  EXPECT_EQ(to_valid_utf8("\xff|\xc0\x80|\xed\xa0\x80"), bad + "|" + bad + bad + "|" + bad + bad + bad);
  EXPECT_EQ(to_valid_utf8("\xf4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(to_valid_utf8("😀"), "😀");
}

}  // namespace
}  // namespace ondol
