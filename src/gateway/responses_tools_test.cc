#include "gateway/responses_tools.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

struct Parsed {
  json::object chat, echo;
};

Parsed with(const std::string& fields) {
  const json::object body = json::parse("{" + fields + "}").as_object();
  FieldReader reader(body);
  Parsed parsed;
  EXPECT_TRUE(parse_responses_tools(reader, parsed.chat, parsed.echo)) << fields;
  EXPECT_TRUE(parse_responses_text(reader, parsed.chat, parsed.echo)) << fields;
  EXPECT_TRUE(reader.unknown().empty());
  return parsed;
}

TEST(ResponsesTools, ToolsInTheChatForm) {
  const Parsed request = with(R"("tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true},
      {"type": "function", "name": "g", "description": "d"}], "tool_choice": {"type": "function", "name": "g"},
      "parallel_tool_calls": false)");
  EXPECT_EQ(request.chat.at("tools"), json::parse(R"([
      {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}},
      {"type": "function", "function": {"name": "g", "description": "d"}}])"));
  EXPECT_EQ(request.chat.at("tool_choice"), json::parse(R"({"type": "function", "function": {"name": "g"}})"));
  EXPECT_EQ(request.chat.at("parallel_tool_calls"), false);
  EXPECT_EQ(request.echo.at("tools"), json::parse(R"([
      {"type": "function", "name": "f", "description": null, "parameters": {"type": "object"}, "strict": true},
      {"type": "function", "name": "g", "description": "d", "parameters": null, "strict": null}])"));
  EXPECT_EQ(request.echo.at("tool_choice"), json::parse(R"({"type": "function", "name": "g"})"));
}

TEST(ResponsesTools, AllowedTools) {
  const auto choose = [](const std::string& mode) {
    return with(R"("tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}], "tool_choice":
        {"type": "allowed_tools", )" +
                mode + R"("tools": [{"type": "function", "name": "g"}]})");
  };
  const Parsed request = choose(R"("mode": "required", )");
  EXPECT_EQ(request.chat.at("tools").as_array().size(), 2u) << "the model reads them all";
  EXPECT_EQ(request.chat.at("tool_choice"), json::parse(R"({"type": "allowed_tools", "allowed_tools": {"mode": "required",
      "tools": [{"type": "function", "function": {"name": "g"}}]}})"));
  EXPECT_EQ(request.echo.at("tool_choice"),
            json::parse(R"({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]})"));
  EXPECT_EQ(choose("").chat.at("tool_choice").at("allowed_tools").at("mode"), "auto");
  EXPECT_EQ(choose(R"("mode": "none", )").chat.at("tool_choice"), "none");
}

TEST(ResponsesTools, OutputFormats) {
  const Parsed schema = with(R"("text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}})");
  EXPECT_EQ(schema.chat.at("response_format"),
            json::parse(R"({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}})"));
  EXPECT_EQ(schema.echo.at("text").at("format"), json::parse(R"({"type": "json_schema", "name": "n", "description": null,
      "schema": {"type": "object"}, "strict": true})"));
  const Parsed object = with(R"("text": {"format": {"type": "json_object"}})");
  EXPECT_EQ(object.chat.at("response_format"), json::parse(R"({"type": "json_object"})"));
  EXPECT_EQ(object.echo.at("text").at("format"), json::parse(R"({"type": "json_object"})"));
  EXPECT_FALSE(with(R"("text": {"format": {"type": "text"}})").chat.contains("response_format"));
}

}  // namespace
}  // namespace ondol
