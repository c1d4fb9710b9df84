#include "gateway/responses_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/chat_request.h"
#include "gateway/json_scan.h"

namespace ondol {
namespace {

namespace json = boost::json;

class ResponsesRequestTest : public testing::Test {
 protected:
  ApiResult<ResponsesRequest> parse(std::string_view text, std::string_view owner = "", const RequestLimits& limits = {}) {
    return parse_responses_request(parse_json(text).value(), store_, owner, ids_, limits);
  }
  ApiResult<ResponsesRequest> with(const std::string& fields) { return parse(R"({"model": "m", "input": "hi", )" + fields + "}"); }
  ApiResult<ResponsesRequest> items(const std::string& list) { return parse(R"({"model": "m", "input": [)" + list + "]}"); }
  json::value messages(const ApiResult<ResponsesRequest>& request) {
    return request ? request->chat.at("messages") : json::value(json::string(request.error().message));
  }
  // As the server does at the end of an answer.
  void keep(std::string_view id, const ResponsesRequest& request, std::string_view output, std::string_view owner = "") {
    json::object response = json::parse(output).as_object();
    response["id"] = id;
    json::object started;
    started["id"] = id;
    store_.begin(owner, started, request.items, {});
    store_.finish(owner, response);
  }

  ManualClock clock_;
  ResponsesStore store_{{}, clock_};
  IdSource ids_{1};
};

TEST_F(ResponsesRequestTest, MinimalRequest) {
  const ResponsesRequest request = parse(R"({"model": "m", "input": "hi"})").value();
  EXPECT_EQ(request.chat, json::parse(R"({"model": "m", "stream": false, "messages": [{"role": "user", "content": "hi"}]})"));
  EXPECT_EQ(request.echo, json::parse(R"({"background": false, "store": true, "max_output_tokens": null, "max_tool_calls": null,
      "tools": [], "tool_choice": "auto", "parallel_tool_calls": true, "text": {"format": {"type": "text"}, "verbosity": "medium"},
      "reasoning": {"effort": null, "summary": null}, "top_logprobs": 0, "metadata": {}, "prompt_cache_key": null,
      "safety_identifier": null, "user": null, "service_tier": "default", "truncation": "disabled", "instructions": null,
      "previous_response_id": null})"));
  EXPECT_TRUE(request.store);
  EXPECT_TRUE(request.ignored.empty());
  ASSERT_EQ(request.items.size(), 1u);
  EXPECT_TRUE(request.items[0]->at("id").as_string().starts_with("msg_"));
  EXPECT_EQ(request.items[0]->at("content"), json::parse(R"([{"type": "input_text", "text": "hi"}])"));
}

TEST_F(ResponsesRequestTest, EveryParameterReachesTheChatRequest) {
  const ResponsesRequest request = with(R"("max_output_tokens": 7, "temperature": 0.5, "top_p": 0.9, "stream": true, "store": false,
      "top_k": 40, "seed": -3, "stop": "x", "presence_penalty": 1, "chat_template_kwargs": {"a": 1}, "top_logprobs": 3,
      "include": ["message.output_text.logprobs", "file_search_call.results"], "user": "u", "metadata": {"k": "v"},
      "prompt_cache_key": "p", "safety_identifier": "s", "service_tier": "auto", "truncation": "disabled", "max_tool_calls": 2)")
                                       .value();
  const ChatRequest chat = parse_chat_request(request.chat).value();
  EXPECT_EQ(chat.common.max_tokens, 7);
  EXPECT_EQ(chat.common.sampling.temperature, 0.5);
  EXPECT_EQ(chat.common.sampling.top_p, 0.9);
  EXPECT_EQ(chat.common.sampling.top_k, 40);
  EXPECT_EQ(chat.common.sampling.seed, -3);
  EXPECT_EQ(chat.common.sampling.presence_penalty, 1);
  EXPECT_EQ(chat.common.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(chat.common.logprobs, 3);
  EXPECT_TRUE(chat.common.stream);
  EXPECT_EQ(chat.template_arguments, (json::object{{"a", 1}}));
  EXPECT_TRUE(chat.common.ignored.empty());
  EXPECT_FALSE(request.store);
  EXPECT_TRUE(request.ignored.empty());
  EXPECT_EQ(request.echo.at("metadata"), json::parse(R"({"k": "v"})"));
  EXPECT_EQ(request.echo.at("max_output_tokens"), 7);
  EXPECT_EQ(request.echo.at("top_logprobs"), 3);
  EXPECT_EQ(request.echo.at("prompt_cache_key"), "p");
  EXPECT_EQ(request.echo.at("user"), "u");
  EXPECT_EQ(request.echo.at("store"), false);
}

TEST_F(ResponsesRequestTest, NamesWhatHasNoEffect) {
  const ResponsesRequest request = with(R"("text": {"verbosity": "low"}, "reasoning": {"effort": "low", "summary": "auto", "mode": "pro"},
      "truncation": "auto", "service_tier": "flex", "include": ["reasoning.encrypted_content"], "context_management": [],
      "stream_options": {"include_obfuscation": true})")
                                       .value();
  EXPECT_EQ(request.ignored,
            (std::vector<std::string>{"text.verbosity", "reasoning.summary", "reasoning.mode", "include.reasoning.encrypted_content",
                                      "service_tier", "truncation", "stream_options.include_obfuscation", "context_management"}));
  EXPECT_EQ(request.chat.at("reasoning_effort"), "low");
  EXPECT_EQ(with(R"("reasoning": {"effort": "max"})")->chat.at("reasoning_effort"), "xhigh");
  EXPECT_EQ(with(R"("reasoning": {"effort": "max"})")->echo.at("reasoning").at("effort"), "max");
  EXPECT_EQ(request.echo.at("reasoning"), json::parse(R"({"effort": "low", "summary": "auto"})"));
  EXPECT_EQ(request.echo.at("text").at("verbosity"), "low");
  EXPECT_EQ(request.echo.at("truncation"), "disabled");
}

TEST_F(ResponsesRequestTest, InstructionsAndSystemMessagesBecomeOne) {
  const auto request = parse(R"({"model": "m", "instructions": "Be brief.", "input": [{"role": "developer", "content": "In Korean."},
      {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
      {"type": "message", "role": "system", "content": "Now loud."}]})");
  EXPECT_EQ(messages(request), json::parse(R"([{"role": "system", "content": "Be brief.\n\nIn Korean."},
      {"role": "user", "content": "a\nb"}, {"role": "system", "content": "Now loud."}])"));
  EXPECT_EQ(request->echo.at("instructions"), "Be brief.");
  EXPECT_EQ(request->items.size(), 3u);
}

TEST_F(ResponsesRequestTest, OneTurnOfTheModelIsOneMessage) {
  const auto request = items(R"({"role": "user", "content": "q"},
      {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
      {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
       "content": [{"type": "output_text", "text": "wait", "annotations": []}, {"type": "refusal", "refusal": "no"}]},
      {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}"},
      {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
      {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
      {"type": "function_call_output", "call_id": "c1", "output": "one"},
      {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}], "encrypted_content": "xx"},
      {"type": "reasoning", "summary": []},
      {"type": "function_call", "call_id": "c1", "name": "f", "arguments": ""},
      {"type": "function_call_output", "call_id": "c1", "output": "again"})");
  EXPECT_EQ(messages(request), json::parse(R"([{"role": "user", "content": "q"},
      {"role": "assistant", "content": "wait\nno", "reasoning_content": "hm", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
      {"role": "tool", "content": "two", "tool_call_id": "c2"}, {"role": "tool", "content": "one", "tool_call_id": "c1"},
      {"role": "assistant", "content": "", "reasoning_content": "so",
       "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
      {"role": "tool", "content": "again", "tool_call_id": "c1"}])"));
  EXPECT_EQ(request->items[1]->at("id"), "rs_1");
  EXPECT_TRUE(request->items[3]->at("id").as_string().starts_with("fc_"));
  EXPECT_TRUE(request->items[7]->at("id").as_string().starts_with("rs_"));
}

TEST_F(ResponsesRequestTest, ContinuesAConversationWithoutItsInstructions) {
  const ResponsesRequest first = parse(R"({"model": "m", "input": "q", "instructions": "old"})").value();
  keep("resp_1", first, R"({"output": [{"id": "fc_9", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]})");
  const auto second = parse(R"({"model": "m", "instructions": "new", "previous_response_id": "resp_1",
      "input": [{"type": "function_call_output", "call_id": "c", "output": "42"}]})");
  EXPECT_EQ(messages(second), json::parse(R"([{"role": "system", "content": "new"}, {"role": "user", "content": "q"},
      {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "content": "42", "tool_call_id": "c"}])"));
  EXPECT_EQ(second->items[0], first.items[0]) << "shared, not copied";
  const auto referring = items(R"({"role": "user", "content": "q"}, {"type": "item_reference", "id": "fc_9"},
      {"type": "function_call_output", "call_id": "c", "output": "43"}, {"id": ")" +
                               std::string(first.items[0]->at("id").as_string()) + R"("})");
  EXPECT_EQ(messages(referring).at(1).at("tool_calls").at(0).at("id"), "c");
  EXPECT_EQ(messages(referring).at(3).at("content"), "q");
}

TEST_F(ResponsesRequestTest, OthersConversationsDoNotExist) {
  keep("resp_1", parse(R"({"model": "m", "input": "q"})").value(), R"({"output": []})", "alice");
  EXPECT_TRUE(parse(R"({"model": "m", "input": "r", "previous_response_id": "resp_1"})", "alice"));
  for (const char* owner : {"bob", ""}) {
    const auto stolen = parse(R"({"model": "m", "input": "r", "previous_response_id": "resp_1"})", owner);
    ASSERT_FALSE(stolen);
    EXPECT_EQ(stolen.error().status, 400);
    EXPECT_EQ(stolen.error().code, "previous_response_not_found");
    EXPECT_EQ(stolen.error().param, "previous_response_id");
  }
}

TEST_F(ResponsesRequestTest, BoundsTheConversation) {
  const RequestLimits limits{.max_messages = 2};
  EXPECT_FALSE(parse(R"({"model": "m", "input": [{"role": "user", "content": "1"}, {"role": "user", "content": "2"},
      {"role": "user", "content": "3"}]})",
                     "", limits));
  keep("resp_1", parse(R"({"model": "m", "input": "q"})").value(), R"({"output": []})");
  EXPECT_TRUE(parse(R"({"model": "m", "input": "r", "previous_response_id": "resp_1"})", "", limits));
  const auto longer = parse(R"({"model": "m", "input": [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}],
      "previous_response_id": "resp_1"})",
                            "", limits);
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("3 items; at most 2"), std::string::npos) << longer.error().message;
}

TEST_F(ResponsesRequestTest, RefusesByName) {
  struct Row {
    std::string body, param, part;
    int status = 400;
  };
  const std::string call = R"({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"})";
  const auto in = [](const std::string& item) { return R"({"model": "m", "input": [)" + item + "]}"; };
  const auto field = [](const std::string& text) { return R"({"model": "m", "input": "hi", )" + text + "}"; };
  const std::vector<Row> rows = {
      {"[]", "", "must be a JSON object"},
      {R"({"input": "hi"})", "model", "model is missing"},
      {R"({"model": "m"})", "input", "input is missing"},
      {R"({"model": "m", "input": []})", "input", "input is missing"},
      {R"({"model": "m", "input": 5})", "input", "not the number 5"},
      {field(R"("background": true)"), "background", "not supported"},
      {field(R"("conversation": "conv_1")"), "conversation", "previous_response_id"},
      {field(R"("prompt": {"id": "p"})"), "prompt", "not supported"},
      {field(R"("temperature": 3)"), "temperature", "from 0 to 2"},
      {field(R"("max_output_tokens": 0)"), "max_output_tokens", "an integer from 1"},
      {field(R"("previous_response_id": "resp_x")"), "previous_response_id", "resp_x\" not found"},
      {field(R"("truncation": "some")"), "truncation", "auto or disabled"},
      {field(R"("reasoning": {"effort": "huge"})"), "reasoning.effort", "minimal, low"},
      {field(R"("include": ["all"])"), "include", "not the string \"all\""},
      {field(R"("metadata": {"k": 1})"), "metadata", "not the number 1"},
      {field(R"("metadata": {"k": ")" + std::string(513, 'a') + "\"}"), "metadata", "at most 512"},
      {field(R"("metadata": {")" + std::string(65, 'a') + "\": \"\"}"), "metadata", "at most 64"},
      {field(R"("text": {"format": {"type": "xml"}})"), "text.format.type", "json_schema"},
      {field(R"("text": {"format": {"type": "json_schema", "name": "n"}})"), "text.format.schema", "missing"},
      {field(R"("text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}})"), "text.format.name", "letters"},
      {field(R"("text": {"verbosity": "loud"})"), "text.verbosity", "medium"},
      {field(R"("tools": [{"type": "web_search"}])"), "tools[0].type", "\"web_search\" are not supported"},
      {field(R"("tools": [{"type": "function"}])"), "tools[0].name", "missing"},
      {field(R"("tools": [{"type": "function", "name": "f", "parameters": 1}])"), "tools[0].parameters", "an object"},
      {field(R"("tool_choice": "required")"), "tool_choice", "no tools"},
      {field(R"("tool_choice": "any")"), "tool_choice", "not the string \"any\""},
      {field(R"("tool_choice": {"type": "function", "name": "f"})"), "tool_choice", "not in tools"},
      {field(R"("tool_choice": {"type": "file_search"})"), "tool_choice.type", "file_search"},
      {field(R"("tool_choice": {"type": "allowed_tools", "tools": []})"), "tool_choice.tools", "at least one"},
      {in("5"), "input[0]", "not the number 5"},
      {in("{}"), "input[0].type", "missing"},
      {in(R"({"type": "web_search_call"})"), "input[0].type", "web_search_call"},
      {in(R"({"role": "tool", "content": "x"})"), "input[0].role", "assistant"},
      {in(R"({"role": "user"})"), "input[0].content", "missing"},
      {in(R"({"role": "user", "content": [{"type": "input_image", "image_url": "x"}]})"), "input[0].content[0].type", "text only"},
      {in(R"({"role": "user", "content": [{"type": "input_file"}]})"), "input[0].content[0].type", "text only"},
      {in(R"({"role": "user", "content": [{"type": "input_text"}]})"), "input[0].content[0].text", "missing"},
      {in(R"({"role": "user", "content": "x", "id": ""})"), "input[0].id", "1 to 128"},
      {in(R"({"type": "function_call", "name": "f", "arguments": ""})"), "input[0].call_id", "missing"},
      {in(R"({"type": "function_call_output", "call_id": "c"})"), "input[0].output", "missing"},
      {in(R"({"type": "function_call_output", "call_id": "c", "output": ""})"), "input", "No tool call found"},
      {in(call), "input", "No tool output found"},
      {in(R"({"type": "reasoning", "summary": [1]})"), "input[0].summary[0]", "not the number 1"},
      {in(R"({"type": "item_reference", "id": "msg_x"})"), "input[0]", "msg_x\" not found", 404},
      {in(R"({"type": "item_reference"})"), "input[0].id", "earlier item"},
  };
  for (const Row& row : rows) {
    const auto request = parse(row.body);
    ASSERT_FALSE(request) << row.body;
    EXPECT_EQ(request.error().status, row.status) << row.body;
    EXPECT_EQ(request.error().param, row.param) << row.body;
    EXPECT_NE(request.error().message.find(row.part), std::string::npos) << row.body << "\n" << request.error().message;
  }
}

TEST_F(ResponsesRequestTest, MetadataCountsCharacters) {
  std::string value;
  for (int i = 0; i < 512; ++i) value += "온";
  EXPECT_TRUE(with(R"("metadata": {"k": ")" + value + "\"}"));
  std::string pairs = R"("k0": "")";
  for (int i = 1; i < 16; ++i) pairs += R"(, "k)" + std::to_string(i) + R"(": "")";
  EXPECT_TRUE(with("\"metadata\": {" + pairs + "}"));
  EXPECT_FALSE(with("\"metadata\": {" + pairs + R"(, "k16": "")" + "}"));
}

TEST(ResponsesError, NamesTheFieldOfThisEndpoint) {
  const auto renamed = [](std::string param) { return responses_error(invalid_request(std::move(param), "m").error()).param; };
  EXPECT_EQ(renamed("max_completion_tokens"), "max_output_tokens");
  EXPECT_EQ(renamed("response_format.json_schema"), "text.format.json_schema");
  EXPECT_EQ(renamed("messages[3].content"), "input");
  EXPECT_EQ(renamed("messages"), "input");
  EXPECT_EQ(renamed("temperature"), "temperature");
  EXPECT_EQ(renamed(""), "");
}

}  // namespace
}  // namespace ondol
