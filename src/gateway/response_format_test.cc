#include "gateway/response_format.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

const ResponseMeta kMeta = {.id = "id-1", .created_unix_s = 12, .model = "m", .fingerprint = "fp_0", .include_usage = false};
const Usage kUsage = {.prompt_tokens = 5, .cached_tokens = 2, .completion_tokens = 3};

AnswerPiece piece(bool tokens) {
  AnswerPiece out;
  out.parts.push_back({.kind = AnswerPart::Kind::kContent, .text = "h\"\n", .call = 0, .call_id = {}, .name = {}});
  if (tokens) {
    out.tokens.push_back(
        {.event = {.token = 'h', .logprob = -0.5f, .top = {{'h', -0.5f}, {0xED, -INFINITY}}}, .byte_offset = 0, .char_offset = 0});
    out.tokens.push_back({.event = {.token = 256, .logprob = -0.25f, .top = {}}, .byte_offset = 1, .char_offset = 1});
  }
  return out;
}

std::string frame(const std::string& json) { return "data: " + json + "\n\n"; }

TEST(ChatFormat, ChunksAsOpenAIs) {
  const FakeTokenizer tokenizer;
  const auto format = make_chat_format(kMeta, tokenizer, false);
  const std::string head =
      R"({"id":"id-1","object":"chat.completion.chunk","created":12,"model":"m","system_fingerprint":"fp_0","choices":[)";
  EXPECT_EQ(format->opening(),
            frame(head + R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]})"));
  EXPECT_EQ(format->delta(piece(false)), frame(head + R"({"index":0,"delta":{"content":"h\"\n"},"logprobs":null,"finish_reason":null}]})"));
  EXPECT_EQ(format->closing("stop", kUsage),
            frame(head + R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})") + frame("[DONE]"));
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
