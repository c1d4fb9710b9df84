// Tools and reasoning through the whole API: what the template sees, and what comes out of what the model writes.
#include "gateway/api_test_util.h"

namespace ondol {
namespace {

constexpr const char* kToolTemplate =
    "{% if tools %}{{ tools | tojson }}\n{% endif %}{% for message in messages %}{{ message.role }}:{{ message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.name }}{{ call.function.arguments | tojson }}{% endfor %}{{ '\\n' }}{% "
    "endfor %}"
    "assistant:{% if enable_thinking %}<think>\n{% endif %}";

std::string with_tools(const std::string& more) {
  return R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "f"}}])" +
         more + "}";
}

const std::string kCall = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"도시\": \"서울\"}}\n</tool_call>";

TEST_F(ApiTest, ToolsReachATemplateThatKnowsThem) {
  start({}, kToolTemplate);
  chat(with_tools(""));
  EXPECT_EQ(FakeTokenizer().decode(engine_->wait_submitted(1).prompt),
            R"([{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object", "properties": {}}}}])"
            "\nuser:hi\nassistant:");
  chat(with_tools(R"(, "tool_choice": "none")"));
  EXPECT_EQ(FakeTokenizer().decode(engine_->wait_submitted(2).prompt), "user:hi\nassistant:");
}

TEST_F(ApiTest, OtherTemplatesGetTheToolsAsAnInstruction) {
  chat(R"({"model": "tiny", "tools": [{"type": "function", "function": {"name": "f"}}], "messages": [
           {"role": "system", "content": "sys"}, {"role": "user", "content": "hi"},
           {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
                                                {"id": "2", "function": {"name": "f", "arguments": "{}"}}]},
           {"role": "tool", "tool_call_id": "1", "content": "one"}, {"role": "tool", "tool_call_id": "2", "content": "two"}]})");
  const std::string prompt = FakeTokenizer().decode(engine_->wait_submitted(1).prompt);
  EXPECT_TRUE(prompt.starts_with("system:sys\n\nYou can call functions.")) << prompt;
  EXPECT_NE(prompt.find("\n{\"name\":\"f\",\"description\":\"\",\"parameters\":"), std::string::npos) << prompt;
  EXPECT_TRUE(
      prompt.ends_with("user:hi\nassistant:<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>\n"
                       "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n"
                       "user:<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>\nassistant:"))
      << prompt;
  chat(with_tools(""));
  EXPECT_TRUE(FakeTokenizer().decode(engine_->wait_submitted(2).prompt).starts_with("system:You can call functions."));
}

TEST_F(ApiTest, ACallInAWholeAnswer) {
  const auto exchange = chat(with_tools(""));
  engine_->wait_submitted(1);
  engine_->text(1, kCall);
  engine_->finish(1, FinishReason::kStop, 9);
  const json::value choice = answer(exchange).at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  EXPECT_TRUE(choice.at("message").at("content").is_null());
  const json::value& call = choice.at("message").at("tool_calls").at(0);
  EXPECT_TRUE(call.at("id").as_string().starts_with("call_"));
  EXPECT_EQ(call.at("type"), "function");
  EXPECT_EQ(call.at("function"), json::parse(R"({"name": "f", "arguments": "{\"도시\": \"서울\"}"})"));
}

TEST_F(ApiTest, ACallInAStream) {
  const auto exchange = chat(with_tools(R"(, "stream": true)"));
  engine_->wait_submitted(1);
  engine_->text(1, "찾아볼게요. ");
  engine_->text(1, kCall);
  engine_->finish(1, FinishReason::kStop, 9);
  std::string arguments, name, reason;
  const std::vector<std::string> all = events(exchange);
  for (const std::string& event : all) {
    if (event == "[DONE]") continue;
    const json::value choice = json::parse(event).at("choices").at(0);
    if (choice.at("finish_reason").is_string()) reason = choice.at("finish_reason").as_string();
    const json::value* calls = choice.at("delta").as_object().if_contains("tool_calls");
    if (calls == nullptr) continue;
    EXPECT_EQ(calls->at(0).at("index"), 0);
    const json::object& function = calls->at(0).at("function").as_object();
    if (const json::value* first = function.if_contains("name")) name += first->as_string();
    arguments += function.at("arguments").as_string();
  }
  EXPECT_EQ(content(all), "찾아볼게요. ");
  EXPECT_EQ(name, "f");
  EXPECT_EQ(arguments, "{\"도시\": \"서울\"}");
  EXPECT_EQ(reason, "tool_calls");
  EXPECT_EQ(all.back(), "[DONE]");
}

TEST_F(ApiTest, ACallThatWasNotAskedForIsText) {
  const auto exchange = chat(with_tools(R"(, "tool_choice": "none")"));
  engine_->wait_submitted(1);
  engine_->text(1, kCall);
  engine_->finish(1, FinishReason::kStop, 9);
  const json::value choice = answer(exchange).at("choices").at(0);
  EXPECT_EQ(choice.at("message").at("content"), kCall.c_str());
  EXPECT_EQ(choice.at("finish_reason"), "stop");
}

TEST_F(ApiTest, ReasoningThatThePromptOpened) {
  start({}, kToolTemplate);
  const auto exchange = chat(R"({"model": "tiny", "reasoning_effort": "high", "messages": [{"role": "user", "content": "hi"}]})");
  EXPECT_TRUE(FakeTokenizer().decode(engine_->wait_submitted(1).prompt).ends_with("assistant:<think>\n"));
  engine_->text(1, "hm</think>\n\n답");
  engine_->finish(1, FinishReason::kStop, 15);
  const json::value body = answer(exchange);
  const json::value& message = body.at("choices").at(0).at("message");
  EXPECT_EQ(message.at("content"), "답");
  EXPECT_EQ(message.at("reasoning_content"), "hm");
  EXPECT_EQ(message.at("reasoning"), "hm");
  EXPECT_EQ(body.at("usage").at("completion_tokens_details").at("reasoning_tokens"), 10);
}

}  // namespace
}  // namespace ondol
