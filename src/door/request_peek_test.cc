#include "door/request_peek.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

RequestPeek peek(const std::string& body) {
  const auto found = peek_request(body);
  EXPECT_TRUE(found) << body << ": " << found.error().message;
  return found.value_or(RequestPeek{});
}

TEST(PeekRequest, FindsWhatTheDoorNeeds) {
  const RequestPeek found = peek(R"( {"messages":[{"role":"user","content":"hello"}],"stream":true,"model":"a\u0062c"} )");
  EXPECT_EQ(found.model, "abc");
  EXPECT_TRUE(found.streams);
  EXPECT_FALSE(found.wants_usage);
  EXPECT_EQ(found.prompt_bytes, 35);
  EXPECT_EQ(found.top_at, 2u);
  EXPECT_FALSE(found.top_empty);
  EXPECT_EQ(found.options_at, std::string::npos);
}

TEST(PeekRequest, ReadsKeysHoweverTheyAreWritten) {
  EXPECT_EQ(peek(R"({"m\u006fdel":"x"})").model, "x");
  EXPECT_EQ(peek(R"({"model":"x","model":"y"})").model, "y");
  EXPECT_EQ(peek("{}").model, "");
  EXPECT_TRUE(peek("{ }").top_empty);
  EXPECT_FALSE(peek(R"({"stream":null})").streams);
  EXPECT_EQ(peek(R"({"nested":{"model":"z"}})").model, "");
}

TEST(PeekRequest, ReadsTheStreamOptions) {
  EXPECT_TRUE(peek(R"({"stream_options":{"include_usage":true}})").wants_usage);
  const RequestPeek other = peek(R"({"stream_options": {"x":1}, "stream":true})");
  EXPECT_FALSE(other.wants_usage);
  EXPECT_EQ(other.options_at, 20u);
  EXPECT_FALSE(other.options_empty);
  EXPECT_EQ(peek(R"({"stream_options":null})").options_at, std::string::npos);
}

TEST(PeekRequest, RefusesWhatItCannotRead) {
  for (const char* body : {"", "[]", "null", "\"a\"", "{", "{\"a\"}", R"({"model":1})", R"({"model":["a"]})", R"({"stream":"yes"})",
                           R"({"stream_options":[]})", R"({"model":"a"} x)", "{\"model\":\"\xff\"}"}) {
    const auto found = peek_request(body);
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().code, Code::kInvalidArgument);
    EXPECT_FALSE(found.error().message.empty());
  }
}

TEST(PeekRequest, SkipsDeepNestingWithoutRecursion) {
  std::string body = R"({"messages":)" + std::string(500'000, '[') + std::string(500'000, ']') + R"(,"model":"m"})";
  (void)peek_request(body);  // whether it takes it is the engine's business
  EXPECT_EQ(peek(R"({"x":)" + std::string(900, '[') + std::string(900, ']') + R"(,"model":"m"})").model, "m");
}

TEST(AskForUsage, PutsItWhereItBelongs) {
  const auto asked = [](const std::string& body) { return ask_for_usage(peek(body), body); };
  EXPECT_EQ(asked(R"({"stream":true})"), R"({"stream_options":{"include_usage":true},"stream":true})");
  EXPECT_EQ(asked("{}"), R"({"stream_options":{"include_usage":true}})");
  EXPECT_EQ(asked(R"({"stream_options":{}})"), R"({"stream_options":{"include_usage":true}})");
  EXPECT_EQ(asked(R"({"stream_options":{"x":1}})"), R"({"stream_options":{"include_usage":true,"x":1}})");
  EXPECT_TRUE(peek(asked(R"({"model":"m","stream":true})")).wants_usage);
}

}  // namespace
}  // namespace ondol
