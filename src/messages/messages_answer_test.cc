#include "messages/messages_answer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "messages/answer_json.h"

namespace ondol {
namespace {

namespace json = boost::json;

// The message of a chat with this choice, or the error's message.
json::value message(const std::string& choice, const std::string& usage = "null") {
  const auto out = message_from_chat(json::parse(R"({"model": "m", "choices": [)" + choice + R"(], "usage": )" + usage + "}"), "msg_1");
  return out ? json::value(*out) : json::value(json::string(out.error().message));
}
json::value calling(const std::string& arguments, const std::string& finish = "tool_calls") {
  json::object function{{"name", "f"}, {"arguments", arguments}};
  json::object chat_message{{"tool_calls", {{{"id", "a"}, {"function", function}}}}};
  return message(json::serialize(json::object{{"message", chat_message}, {"finish_reason", finish}}));
}

TEST(MessagesAnswer, WholeMessage) {
  EXPECT_EQ(message(R"({"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"})",
                    R"({"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8},
                        "completion_tokens_details": {"reasoning_tokens": 3}, "ondol": {"energy_j": 1.5}})"),
            json::parse(R"({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
      "content": [{"type": "text", "text": "hello", "citations": null}], "stop_reason": "end_turn", "stop_sequence": null,
      "stop_details": null, "container": null, "diagnostics": null,
      "usage": {"input_tokens": 2, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8, "cache_creation": null,
        "output_tokens": 4, "output_tokens_details": {"thinking_tokens": 3}, "server_tool_use": null, "service_tier": "standard",
        "ondol": {"energy_j": 1.5}}})"));
}

TEST(MessagesAnswer, BlocksInOrder) {
  const json::value out =
      message(R"({"finish_reason": "tool_calls", "message": {"content": "Look:", "reasoning": "hm", "reasoning_content": "hm",
      "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{\"n\": 1}"}}, {"function": {"name": "g", "arguments": ""}}]}})");
  EXPECT_EQ(out.at("content"), json::parse(R"([{"type": "thinking", "thinking": "hm", "signature": ""},
      {"type": "text", "text": "Look:", "citations": null},
      {"type": "tool_use", "id": "a", "name": "f", "input": {"n": 1}, "caller": {"type": "direct"}},
      {"type": "tool_use", "id": "toolu_msg_1_1", "name": "g", "input": {}, "caller": {"type": "direct"}}])"));
  EXPECT_EQ(out.at("stop_reason"), "tool_use");
}

TEST(MessagesAnswer, StopReasons) {
  const auto stop = [](const std::string& choice) {
    const json::value out = message(R"({"message": {"content": "x"}, )" + choice + "}");
    return std::pair{out.at("stop_reason"), out.at("stop_sequence")};
  };
  using Stop = std::pair<json::value, json::value>;
  EXPECT_EQ(stop(R"("finish_reason": "stop", "stop_reason": null)"), (Stop{"end_turn", nullptr}));
  EXPECT_EQ(stop(R"("finish_reason": "stop", "stop_reason": 151645)"), (Stop{"end_turn", nullptr}));
  EXPECT_EQ(stop(R"("finish_reason": "stop", "stop_reason": "END")"), (Stop{"stop_sequence", "END"}));
  EXPECT_EQ(stop(R"("finish_reason": "length")"), (Stop{"max_tokens", nullptr}));
  EXPECT_EQ(stop(R"("finish_reason": "content_filter")"), (Stop{"refusal", nullptr}));
  EXPECT_EQ(calling("{}", "stop").at("stop_reason"), "tool_use");
  const json::value refused = message(R"({"message": {"content": null, "refusal": "no"}, "finish_reason": "stop"})");
  EXPECT_EQ(refused.at("content").at(0).at("text"), "no");
  EXPECT_EQ(refused.at("stop_reason"), "refusal");
}

TEST(MessagesAnswer, CallsThatAreNoJson) {
  const json::value cut = calling(R"({"city": "Se)", "length");
  EXPECT_EQ(cut.at("content"), json::array());
  EXPECT_EQ(cut.at("stop_reason"), "max_tokens");
  EXPECT_EQ(calling("[1]"), "The model called \"f\" with arguments that are no JSON object; ask again.");
  EXPECT_EQ(calling("{\"a\":"), "The model called \"f\" with arguments that are no JSON object; ask again.");
}

TEST(MessagesAnswer, RefusesWhatIsNoChat) {
  for (const char* text : {"null", "[]", "{}", R"({"choices": []})", R"({"choices": [1]})", R"({"choices": [{"message": "x"}]})"}) {
    const auto out = message_from_chat(json::parse(text), "msg_1");
    ASSERT_FALSE(out) << text;
    EXPECT_EQ(out.error().status, 502);
  }
  EXPECT_EQ(message(R"({"message": {"tool_calls": [7]}})"), "The engine's answer has a tool call without a name.");
}

TEST(MessagesAnswer, TokenCount) {
  EXPECT_EQ(token_count_from_tokenize(json::parse(R"({"count": 7, "tokens": [1]})")).value(), (json::object{{"input_tokens", 7}}));
  EXPECT_EQ(token_count_from_tokenize(json::parse(R"({"tokens": [1]})")).error().status, 502);
  EXPECT_EQ(token_count_from_tokenize(json::parse("[]")).error().status, 502);
}

TEST(MessagesAnswer, NumbersOfNoSenseCountAsNone) {
  const json::object usage =
      json::parse(R"({"prompt_tokens": 3, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": 9}})").as_object();
  const json::object out = messages_usage(&usage);
  EXPECT_EQ(out.at("input_tokens"), 0);
  EXPECT_EQ(out.at("cache_read_input_tokens"), 3);
  EXPECT_EQ(out.at("output_tokens"), 0);
  EXPECT_EQ(messages_usage(nullptr).at("input_tokens"), 0);
}

TEST(AnswerJson, HasLimits) {
  EXPECT_TRUE(parse_answer_json(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(parse_answer_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_FALSE(parse_answer_json("{} x"));
  EXPECT_FALSE(parse_answer_json("\"" + std::string(kMaxAnswerJsonBytes, 'a') + "\""));
}

}  // namespace
}  // namespace ondol
