#include "messages/messages_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

using Names = std::vector<std::string>;

ApiResult<MessagesRequest> with(const std::string& fields) {
  return parse_messages_request(
      json::parse(R"({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], )" + fields + "}"));
}
ApiResult<MessagesRequest> turns(const std::string& list) {
  return parse_messages_request(json::parse(R"({"model": "m", "max_tokens": 9, "messages": [)" + list + "]}"));
}
// The field of the chat, or the error's message.
json::value field(const ApiResult<MessagesRequest>& request, std::string_view name) {
  if (!request) return json::value(json::string(request.error().message));
  return request->chat.contains(name) ? request->chat.at(name) : json::value("absent");
}
json::value messages(const ApiResult<MessagesRequest>& request) { return field(request, "messages"); }

constexpr const char* kCall = R"({"role": "assistant", "content": [
    {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "Look:"},
    {"type": "tool_use", "id": "a", "name": "f", "input": {"n": 1}}, {"type": "tool_use", "id": "b", "name": "g", "input": {}}]},)";

TEST(MessagesRequest, MinimalRequest) {
  const auto request = with(R"("stream": false)");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(
      request->chat,
      json::parse(R"({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": false})").as_object());
  EXPECT_FALSE(request->stream);
  EXPECT_TRUE(request->ignored.empty());
}

TEST(MessagesRequest, FieldsThatChatsHave) {
  const auto request = with(R"("stream": true, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["a", "b"],
      "metadata": {"user_id": "u"}, "system": "be brief", "service_tier": "auto", "cache_control": {"type": "ephemeral"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_TRUE(request->stream);
  EXPECT_EQ(request->chat, json::parse(R"({"model": "m", "max_tokens": 9, "stream": true, "stream_options": {"include_usage": true},
      "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop": ["a", "b"], "user": "u",
      "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]})")
                               .as_object());
  EXPECT_TRUE(request->ignored.empty());
}

TEST(MessagesRequest, ThinkingAndOutputConfig) {
  const auto on = with(R"("thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"})");
  EXPECT_EQ(field(on, "chat_template_kwargs"), json::parse(R"({"enable_thinking": true})"));
  EXPECT_EQ(on->ignored, (Names{"thinking.budget_tokens", "thinking.display"}));
  EXPECT_EQ(field(with(R"("thinking": {"type": "disabled"})"), "chat_template_kwargs"), json::parse(R"({"enable_thinking": false})"));
  EXPECT_EQ(field(with(R"("thinking": {"type": "adaptive"})"), "chat_template_kwargs"), json::parse(R"({"enable_thinking": true})"));
  EXPECT_EQ(field(with(R"("thinking": null)"), "chat_template_kwargs"), "absent");
  EXPECT_EQ(field(with(R"("output_config": {"effort": "low"})"), "reasoning_effort"), "low");
  EXPECT_EQ(field(with(R"("output_config": {"effort": "max"})"), "reasoning_effort"), "high");
  EXPECT_EQ(field(with(R"("output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}})"), "response_format"),
            json::parse(R"({"type": "json_schema", "json_schema": {"name": "output", "schema": {"type": "object"}, "strict": true}})"));
}

TEST(MessagesRequest, NamesWhatIsIgnored) {
  const auto request = with(R"("container": "c", "betas": [], "output_config": {"later": 1},
      "tools": [{"name": "f", "input_schema": {}, "defer_loading": true}, {"name": "g", "input_schema": {}, "defer_loading": true}])");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->ignored, (Names{"betas", "container", "output_config.later", "tools.defer_loading"}));
}

TEST(MessagesRequest, Tools) {
  const auto request = with(R"("tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "cache_control": null},
      {"type": "custom", "name": "g", "input_schema": {}, "strict": true}], "tool_choice": {"type": "any", "disable_parallel_tool_use": true})");
  EXPECT_EQ(field(request, "tools"),
            json::parse(R"([{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
      {"type": "function", "function": {"name": "g", "parameters": {}, "strict": true}}])"));
  EXPECT_EQ(field(request, "tool_choice"), "required");
  EXPECT_EQ(field(request, "parallel_tool_calls"), false);
  const std::string tools = R"("tools": [{"name": "f", "input_schema": {}}], "tool_choice": )";
  const auto automatic = with(tools + R"({"type": "auto", "disable_parallel_tool_use": false})");
  EXPECT_EQ(field(automatic, "tool_choice"), "auto");
  EXPECT_EQ(field(automatic, "parallel_tool_calls"), "absent");
  EXPECT_EQ(field(with(tools + R"({"type": "none"})"), "tool_choice"), "none");
  EXPECT_EQ(field(with(tools + R"({"type": "tool", "name": "f"})"), "tool_choice"),
            json::parse(R"({"type": "function", "function": {"name": "f"}})"));
}

TEST(MessagesRequest, SystemTextsAreJoined) {
  EXPECT_EQ(
      messages(with(R"("system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}])")),
      json::parse(R"([{"role": "system", "content": "a\nb"}, {"role": "user", "content": "hi"}])"));
  EXPECT_EQ(messages(with(R"("system": "")")), json::parse(R"([{"role": "user", "content": "hi"}])"));
}

TEST(MessagesRequest, TurnsOfOneRoleAreOne) {
  EXPECT_EQ(messages(turns(R"({"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]},
                              {"role": "assistant", "content": "c"}, {"role": "system", "content": "s"}, {"role": "user", "content": "d"})")),
            json::parse(R"([{"role": "user", "content": "a\nb"}, {"role": "assistant", "content": "c"},
                            {"role": "system", "content": "s"}, {"role": "user", "content": "d"}])"));
}

TEST(MessagesRequest, ToolsRoundTrip) {
  const auto request = turns(R"({"role": "user", "content": "go"},)" + std::string(kCall) + R"({"role": "user", "content": [
      {"type": "text", "text": "and?"}, {"type": "tool_result", "tool_use_id": "a", "content": "one"},
      {"type": "tool_result", "tool_use_id": "b", "is_error": true, "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}]})");
  EXPECT_EQ(messages(request), json::parse(R"([{"role": "user", "content": "go"},
      {"role": "assistant", "content": "Look:", "reasoning_content": "hm", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"n\":1}"}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
      {"role": "tool", "content": "one", "tool_call_id": "a"}, {"role": "tool", "content": "Error: x\ny", "tool_call_id": "b"},
      {"role": "user", "content": "and?"}])"));
  EXPECT_EQ(messages(turns(R"({"role": "user", "content": "go"}, {"role": "assistant", "content": [
      {"type": "tool_use", "id": "a", "name": "f", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]})"))
                .at(1)
                .at("content"),
            nullptr);
}

TEST(MessagesRequest, ImagesAndDocuments) {
  const std::string image = R"({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}})";
  const std::string shown = R"({"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}})";
  EXPECT_EQ(messages(turns(R"({"role": "user", "content": [{"type": "text", "text": "see"},)" + image +
                           R"(, {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}]})")),
            json::parse(R"([{"role": "user", "content": [{"type": "text", "text": "see"},)" + shown +
                        R"(, {"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}])"));
  const json::value results = messages(turns(R"({"role": "user", "content": "go"},)" + std::string(kCall) +
                                             R"({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [)" +
                                             image + R"(, {"type": "text", "text": "left"}]}, {"type": "text", "text": "so?"}]})"));
  EXPECT_EQ(results.at(2).at("content"), "[image]\nleft");
  EXPECT_EQ(results.at(3).at("content"), json::parse("[" + shown + R"(, {"type": "text", "text": "so?"}])"));
  const auto document = turns(R"({"role": "user", "content": [{"type": "document", "title": "T", "citations": {"enabled": true},
      "source": {"type": "text", "media_type": "text/plain", "data": "body"}}]})");
  EXPECT_EQ(messages(document).at(0).at("content"), "T\nbody");
  EXPECT_EQ(document->ignored, Names{"citations"});
}

TEST(MessagesRequest, CountsWithoutMaxTokens) {
  const auto request =
      parse_count_tokens_request(json::parse(R"({"model": "m", "system": "s", "messages": [{"role": "user", "content": "hi"}],
      "tools": [{"name": "f", "input_schema": {}}], "thinking": {"type": "disabled"}, "odd": 1})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->chat,
            json::parse(R"({"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}],
      "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "chat_template_kwargs": {"enable_thinking": false}})")
                .as_object());
  EXPECT_EQ(request->ignored, Names{"odd"});
}

// What is wrong, and the field that the error names.
TEST(MessagesRequest, ErrorsNameTheField) {
  const std::pair<const char*, const char*> fields[] = {
      {R"("temperature": "hot")", "temperature"},
      {R"("top_k": 1.5)", "top_k"},
      {R"("stream": 1)", "stream"},
      {R"("stop_sequences": "a")", "stop_sequences"},
      {R"("stop_sequences": [""])", "stop_sequences"},
      {R"("stop_sequences": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17])", "stop_sequences"},
      {R"("metadata": {"user_id": 1})", "metadata.user_id"},
      {R"("system": [{"type": "image"}])", "system[0].type"},
      {R"("thinking": {"type": "deep"})", "thinking.type"},
      {R"("thinking": {"budget_tokens": 2048})", "thinking.type"},
      {R"("output_config": {"effort": "most"})", "output_config.effort"},
      {R"("output_config": {"format": {"type": "xml"}})", "output_config.format.type"},
      {R"("output_config": {"format": {"type": "json_schema"}})", "output_config.format.schema"},
      {R"("mcp_servers": [{}])", "mcp_servers"},
      {R"("tools": [{"type": "web_search_20250305", "name": "web_search"}])", "tools[0].type"},
      {R"("tools": [{"name": "f"}])", "tools[0].input_schema"},
      {R"("tools": [{"input_schema": {}}])", "tools[0].name"},
      {R"("tools": [1])", "tools[0]"},
      {R"("tool_choice": {"type": "any"})", "tool_choice"},
      {R"("tool_choice": "auto")", "tool_choice"},
      {R"("tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "tool", "name": "g"})", "tool_choice.name"},
      {R"("tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "all"})", "tool_choice.type"},
  };
  for (const auto& [text, param] : fields) {
    const auto request = with(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().param, param) << request.error().message;
    EXPECT_EQ(request.error().status, 400);
  }
}

TEST(MessagesRequest, ErrorsOfTurnsNameThePlace) {
  const std::pair<const char*, const char*> lists[] = {
      {"", "messages"},
      {"1", "messages[0]"},
      {R"({"content": "a"})", "messages[0].role"},
      {R"({"role": "tool", "content": "a"})", "messages[0].role"},
      {R"({"role": "user"})", "messages[0].content"},
      {R"({"role": "user", "content": []})", "messages[0].content"},
      {R"({"role": "user", "content": 1})", "messages[0].content"},
      {R"({"role": "user", "content": [{"text": "a"}]})", "messages[0].content[0].type"},
      {R"({"role": "user", "content": [{"type": "text"}]})", "messages[0].content[0].text"},
      {R"({"role": "user", "content": [{"type": "tool_use"}]})", "messages[0].content[0].type"},
      {R"({"role": "user", "content": [{"type": "tool_result"}]})", "messages[0].content[0].tool_use_id"},
      {R"({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "audio"}]}]})",
       "messages[0].content[0].content[0].type"},
      {R"({"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]})",
       "messages[0].content[0].source.type"},
      {R"({"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": ""}}]})",
       "messages[0].content[0].source.media_type"},
      {R"({"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "u"}}]})",
       "messages[0].content[0].source.type"},
      {R"({"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]}, {"role": "user", "content": "b"})",
       "messages[0].content[0].input"},
      {R"({"role": "user", "content": "a"}, {"role": "assistant", "content": "The answer is ("})", "messages[1]"},
  };
  for (const auto& [text, param] : lists) {
    const auto request = turns(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().param, param) << request.error().message;
  }
  EXPECT_EQ(parse_messages_request(json::parse("[]")).error().status, 400);
  EXPECT_EQ(parse_messages_request(json::parse(R"({"model": "m", "messages": [{"role": "user", "content": "a"}]})")).error().param,
            "max_tokens");
  EXPECT_EQ(parse_messages_request(json::parse(R"({"messages": []})")).error().param, "model");
}

TEST(MessagesRequest, RefusesTooManyTurns) {
  json::array many(10'001, json::parse(R"({"role": "user", "content": "a"})"));
  EXPECT_EQ(parse_messages_request({{"model", "m"}, {"max_tokens", 1}, {"messages", many}}).error().param, "messages");
}

}  // namespace
}  // namespace ondol
