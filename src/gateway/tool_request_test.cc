#include "gateway/tool_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/chat_request.h"
#include "gateway/json_scan.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr const char* kTools = R"("tools": [
    {"type": "function", "function": {"name": "get_weather", "description": "날씨",
     "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}, "strict": true}},
    {"type": "function", "function": {"name": "now"}}])";

ApiResult<ChatRequest> with(const std::string& fields) {
  return parse_chat_request(parse_json(R"({"model": "m", "messages": [{"role": "user", "content": "hi"}], )" + fields + "}").value());
}

std::vector<std::string> names(const ToolRequest& request) {
  std::vector<std::string> out;
  for (const Tool* tool : request.callable()) out.push_back(tool->name);
  return out;
}

TEST(ToolRequest, ReadsTools) {
  const ToolRequest request = with(kTools).value().tools;
  ASSERT_EQ(request.tools.size(), 2u);
  EXPECT_EQ(request.tools[0].description, "날씨");
  EXPECT_TRUE(request.tools[0].strict);
  EXPECT_FALSE(request.tools[1].strict);
  EXPECT_EQ(request.tools[1].parameters, (json::object{{"type", "object"}, {"properties", json::object()}}));
  EXPECT_EQ(request.choice, ToolRequest::Choice::kAuto);
  EXPECT_TRUE(request.parallel);
  EXPECT_EQ(names(request), (std::vector<std::string>{"get_weather", "now"}));
  EXPECT_EQ(
      request.for_template()[1],
      json::parse(
          R"({"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}})"));
}

TEST(ToolRequest, ReadsEveryChoice) {
  const auto choose = [](const std::string& choice) {
    return with(std::string(kTools) + ", \"tool_choice\": " + choice + ", \"parallel_tool_calls\": true").value().tools;
  };
  EXPECT_EQ(choose("\"auto\"").choice, ToolRequest::Choice::kAuto);
  EXPECT_TRUE(names(choose("\"none\"")).empty());
  EXPECT_EQ(choose("\"required\"").choice, ToolRequest::Choice::kRequired);
  EXPECT_EQ(names(choose("\"required\"")).size(), 2u);
  const ToolRequest named = choose(R"({"type": "function", "function": {"name": "now"}})");
  EXPECT_EQ(named.choice, ToolRequest::Choice::kRequired);
  EXPECT_EQ(names(named), std::vector<std::string>{"now"});
  EXPECT_TRUE(named.one);
  EXPECT_FALSE(named.parallel);
  const ToolRequest allowed = choose(R"({"type": "allowed_tools", "allowed_tools": {"mode": "required",
                                         "tools": [{"type": "function", "function": {"name": "get_weather"}}]}})");
  EXPECT_EQ(allowed.choice, ToolRequest::Choice::kRequired);
  EXPECT_EQ(names(allowed), std::vector<std::string>{"get_weather"});
  EXPECT_EQ(allowed.for_template().size(), 2u) << "the prompt keeps all tools, so that its cached prefix stays";
  EXPECT_FALSE(with(std::string(kTools) + ", \"parallel_tool_calls\": false").value().tools.parallel);
}

TEST(ToolRequest, ReasoningEffortReachesTheTemplate) {
  const auto arguments = [](const std::string& fields) { return with(fields).value().template_arguments; };
  EXPECT_EQ(arguments(R"("reasoning_effort": "high")"), (json::object{{"reasoning_effort", "high"}, {"enable_thinking", true}}));
  EXPECT_EQ(arguments(R"("reasoning_effort": "none")"), (json::object{{"reasoning_effort", "none"}, {"enable_thinking", false}}));
  EXPECT_EQ(arguments(R"("reasoning": {"effort": "low"}, "enable_thinking": false)"),
            (json::object{{"enable_thinking", false}, {"reasoning_effort", "low"}}));
  EXPECT_EQ(arguments(R"("reasoning": {"enabled": true})"), (json::object{{"enable_thinking", true}}));
}

TEST(OutputFormat, ReadsEveryForm) {
  const auto format = [](const std::string& fields) { return with(fields).value().common.format; };
  EXPECT_EQ(format(R"("response_format": {"type": "text"})").kind, OutputFormat::Kind::kText);
  EXPECT_EQ(format(R"("response_format": {"type": "json_object"})").kind, OutputFormat::Kind::kJsonObject);
  const OutputFormat schema =
      format(R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}})");
  EXPECT_EQ(schema.kind, OutputFormat::Kind::kJsonSchema);
  EXPECT_EQ(schema.name, "n");
  EXPECT_TRUE(schema.strict);
  EXPECT_EQ(schema.schema, (json::object{{"type", "object"}}));
  EXPECT_EQ(format(R"("guided_json": "{\"type\": \"array\"}")").schema, (json::object{{"type", "array"}}));
  EXPECT_EQ(format(R"("guided_json": {"type": "array"})").schema, (json::object{{"type", "array"}}));
  EXPECT_EQ(format(R"("guided_regex": "[0-9]+")").pattern, "[0-9]+");
  EXPECT_EQ(format(R"("guided_choice": ["예", "아니요"])").choices, (std::vector<std::string>{"예", "아니요"}));
  EXPECT_EQ(format(R"("structured_outputs": {"choice": ["a"]})").kind, OutputFormat::Kind::kChoice);
  EXPECT_EQ(format(R"("structured_outputs": {"regex": "a+"})").pattern, "a+");
  EXPECT_EQ(format(R"("structured_outputs": {"json": {}})").kind, OutputFormat::Kind::kJsonSchema);
  EXPECT_EQ(format(R"("structured_outputs": {"json_object": true})").kind, OutputFormat::Kind::kJsonObject);
  EXPECT_EQ(format(R"("response_format": {"type": "text"}, "guided_regex": "a")").kind, OutputFormat::Kind::kRegex);
}

struct Refusal {
  std::string fields;
  std::string param;
  std::string part;  // of the message
};

class ToolRequestRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(ToolRequestRefuses, AndNamesTheField) {
  const auto request = with(GetParam().fields);
  ASSERT_FALSE(request) << GetParam().fields;
  EXPECT_EQ(request.error().status, 400);
  EXPECT_EQ(request.error().type, "invalid_request_error");
  EXPECT_EQ(request.error().param, GetParam().param);
  EXPECT_NE(request.error().message.find(GetParam().part), std::string::npos) << request.error().message;
}

std::string function(const std::string& fields) { return R"("tools": [{"type": "function", "function": {)" + fields + "}}]"; }
std::string tools_and(const std::string& fields) { return std::string(kTools) + ", " + fields; }
std::string calls(const std::string& call) {
  return R"("messages": [{"role": "assistant", "tool_calls": [)" + call + R"(]}, {"role": "tool", "tool_call_id": "c", "content": "1"}])";
}

std::string many_tools() {
  std::string out = R"("tools": [)";
  for (int i = 0; i < 129; ++i)
    out += std::string(i ? ", " : "") + R"({"type": "function", "function": {"name": "f)" + std::to_string(i) + "\"}}";
  return out + "]";
}

const Refusal kRefusals[] = {
    {R"("tools": 5)", "tools", "an array"},
    {R"("tools": [5])", "tools[0]", "an object, not the number 5"},
    {R"("tools": [{"function": {"name": "f"}}])", "tools[0].type", "is missing"},
    {R"("tools": [{"type": "web_search"}])", "tools[0].type", "\"web_search\" are not supported"},
    {R"("tools": [{"type": "function"}])", "tools[0].function", "is missing"},
    {function(""), "tools[0].function.name", "is missing"},
    {function(R"("name": "두 개")"), "tools[0].function.name", "1 to 64 letters"},
    {function("\"name\": \"" + std::string(65, 'f') + "\""), "tools[0].function.name", "1 to 64 letters"},
    {function(R"("name": "f", "description": 1)"), "tools[0].function.description", "a string"},
    {function(R"("name": "f", "parameters": [])"), "tools[0].function.parameters", "an object"},
    {function(R"("name": "f", "parameters": {"type": "array"})"), "tools[0].function.parameters", "of type \"object\""},
    {function(R"("name": "f", "parameters": {"x": ")" + std::string(kMaxSchemaBytes, 'x') + "\"}"), "tools[0].function.parameters",
     "65536"},
    {function(R"("name": "f", "strict": "yes")"), "tools[0].function.strict", "true or false"},
    {R"("tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}])",
     "tools[1].function.name", "two functions of the name \"f\""},
    {many_tools(), "tools", "has 129 entries; at most 128"},
    {R"("tool_choice": "required")", "tool_choice", "only allowed together with tools"},
    {tools_and(R"("tool_choice": "any")"), "tool_choice", "\"required\""},
    {tools_and(R"("tool_choice": 5)"), "tool_choice", "not the number 5"},
    {tools_and(R"("tool_choice": {"type": "function", "function": {"name": "other"}})"), "tool_choice", "which is not in tools"},
    {tools_and(R"("tool_choice": {"type": "function"})"), "tool_choice.function", "is missing"},
    {tools_and(R"("tool_choice": {"type": "allowed_tools"})"), "tool_choice.allowed_tools", "is missing"},
    {tools_and(R"("tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none"}})"), "tool_choice.allowed_tools.mode",
     "\"auto\" or \"required\""},
    {tools_and(R"("tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": []}})"), "tool_choice.allowed_tools.tools",
     "at least one"},
    {tools_and(R"("parallel_tool_calls": 1)"), "parallel_tool_calls", "true or false"},
    {R"("functions": [{}])", "functions", "send them as tools"},
    {R"("function_call": {"name": "f"})", "function_call", "use tool_choice"},
    {R"("response_format": {})", "response_format.type", "not missing"},
    {R"("response_format": {"type": "xml"})", "response_format.type", "\"xml\""},
    {R"("response_format": {"type": "json_schema"})", "response_format.json_schema", "is missing"},
    {R"("response_format": {"type": "json_schema", "json_schema": {"schema": {}}})", "response_format.json_schema.name", "is missing"},
    {R"("response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}})", "response_format.json_schema.name",
     "1 to 64"},
    {R"("response_format": {"type": "json_schema", "json_schema": {"name": "n"}})", "response_format.json_schema.schema", "is missing"},
    {R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": []}})", "response_format.json_schema.schema",
     "a JSON Schema"},
    {R"("guided_json": "{")", "guided_json", "holds no JSON Schema"},
    {R"("guided_json": 5)", "guided_json", "a JSON Schema"},
    {R"("guided_regex": "")", "guided_regex", "a regular expression"},
    {R"("guided_choice": [])", "guided_choice", "1 to 256 strings"},
    {R"("guided_choice": [1])", "guided_choice", "1 to 256 strings"},
    {R"("guided_choice": ["a"], "guided_regex": "a")", "guided_choice", "and guided_regex both say"},
    {R"("response_format": {"type": "json_object"}, "structured_outputs": {"regex": "a"})", "structured_outputs", "both say"},
    {R"("structured_outputs": {"grammar": "root ::= x"})", "structured_outputs.grammar", "not supported"},
    {R"("guided_grammar": "root ::= x")", "guided_grammar", "not supported"},
    {R"("reasoning_effort": "much")", "reasoning_effort", "not \"much\""},
    {R"("reasoning": {"effort": "much"})", "reasoning.effort", "not \"much\""},
    {R"("reasoning": "high")", "reasoning", "an object"},
    {calls("5"), "messages[0].tool_calls[0]", "a tool call object"},
    {calls(R"({"type": "function", "function": {"name": "f", "arguments": "{}"}})"), "messages[0].tool_calls[0].id", "is missing"},
    {calls(R"({"id": "c", "type": "custom"})"), "messages[0].tool_calls[0].type", "not \"custom\""},
    {calls(R"({"id": "c"})"), "messages[0].tool_calls[0].function", "is missing"},
    {calls(R"({"id": "c", "function": {"name": "a b", "arguments": "{}"}})"), "messages[0].tool_calls[0].function.name", "1 to 64"},
    {calls(R"({"id": "c", "function": {"name": "f"}})"), "messages[0].tool_calls[0].function.arguments", "is missing"},
    {calls(R"({"id": "c", "function": {"name": "f", "arguments": "broken {"}})"), "messages[0].tool_calls[0].function.arguments",
     "not \"broken {\""},
    {calls(R"({"id": "c", "function": {"name": "f", "arguments": "[1]"}})"), "messages[0].tool_calls[0].function.arguments",
     "a JSON object"},
    {calls(R"({"id": "c", "function": {"name": "f", "arguments": 1}})"), "messages[0].tool_calls[0].function.arguments", "a string"},
    {calls(R"({"id": "c", "function": {"name": "f", "arguments": "{}"}}, {"id": "c", "function": {"name": "f", "arguments": "{}"}})"),
     "messages[0].tool_calls[1].id", "stands twice"},
    {calls(R"({"id": "d", "function": {"name": "f", "arguments": "{}"}})"), "messages[1].tool_call_id", "no call of the assistant"},
    {R"("messages": [{"role": "tool", "content": "1"}])", "messages[0].tool_call_id", "is missing"},
    {R"("messages": [{"role": "user", "content": "1", "tool_calls": [{}]}])", "messages[0].tool_calls", "of the assistant only"},
    {R"("messages": [{"role": "assistant", "function_call": {"name": "f"}}])", "messages[0].function_call", "use tool_calls"},
};

INSTANTIATE_TEST_SUITE_P(Table, ToolRequestRefuses, testing::ValuesIn(kRefusals));

}  // namespace
}  // namespace ondol
