#include "gateway/constraint.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

// The tree as text: 'literal', /regex/, {schema}, JSON, OBJECT, ~stop~ for free text, (a b) sequences, [a | b] choices, a{min,max}.
std::string show(const OutputConstraint& node) {
  using Kind = OutputConstraint::Kind;
  const auto join = [&](std::string_view between) {
    std::string out;
    for (const OutputConstraint& item : node.items) out += (out.empty() ? "" : std::string(between)) + show(item);
    return out;
  };
  switch (node.kind) {
    case Kind::kNone: return "any";
    case Kind::kLiteral: return "'" + node.text + "'";
    case Kind::kRegex: return "/" + node.text + "/";
    case Kind::kJsonSchema: return boost::json::serialize(node.schema);
    case Kind::kAnyJson: return "JSON";
    case Kind::kAnyJsonObject: return "OBJECT";
    case Kind::kFreeText: return "~" + node.stops.at(0) + "~";
    case Kind::kSequence: return "(" + join(" ") + ")";
    case Kind::kChoice: return "[" + join(" | ") + "]";
    case Kind::kRepeat: return show(node.items.at(0)) + "{" + std::to_string(node.min) + "," + std::to_string(node.max) + "}";
  }
  return "";
}

ToolRequest tools(ToolRequest::Choice choice, bool strict = false) {
  ToolRequest request;
  request.tools = {{.name = "f", .description = "", .parameters = {{"type", "object"}}, .strict = strict},
                   {.name = "g", .description = "", .parameters = {{"title", "g"}}, .strict = false}};
  request.choice = choice;
  return request;
}

const std::string kF = "('<tool_call>\n{\"name\": \"f\", \"arguments\": ' {\"type\":\"object\"} '}\n</tool_call>')";
const std::string kG = "('<tool_call>\n{\"name\": \"g\", \"arguments\": ' {\"title\":\"g\"} '}\n</tool_call>')";
const std::string kAnyF = "('<tool_call>\n{\"name\": \"f\", \"arguments\": ' OBJECT '}\n</tool_call>')";
const std::string kAnyG = "('<tool_call>\n{\"name\": \"g\", \"arguments\": ' OBJECT '}\n</tool_call>')";

TEST(OutputConstraint, NothingAskedNothingConstrained) {
  EXPECT_EQ(show(output_constraint({}, {}, {})), "any");
  EXPECT_EQ(show(output_constraint(tools(ToolRequest::Choice::kAuto), {}, {})), "any");
  EXPECT_EQ(show(output_constraint(tools(ToolRequest::Choice::kNone, true), {}, {})), "any");
  AnswerSyntax reasoning;
  reasoning.reasoning = true;
  EXPECT_EQ(show(output_constraint({}, {}, reasoning)), "any");
}

TEST(OutputConstraint, Formats) {
  OutputFormat format;
  format.kind = OutputFormat::Kind::kJsonObject;
  EXPECT_EQ(show(output_constraint({}, format, {})), "OBJECT");
  format.kind = OutputFormat::Kind::kJsonSchema;
  format.schema = {{"type", "array"}};
  EXPECT_EQ(show(output_constraint({}, format, {})), R"({"type":"array"})");
  format.schema = true;
  EXPECT_EQ(show(output_constraint({}, format, {})), "JSON");
  format.kind = OutputFormat::Kind::kRegex;
  format.pattern = "[0-9]+";
  EXPECT_EQ(show(output_constraint({}, format, {})), "/[0-9]+/");
  format.kind = OutputFormat::Kind::kChoice;
  format.choices = {"예", "아니요"};
  EXPECT_EQ(show(output_constraint({}, format, {})), "['예' | '아니요']");
  format.choices = {"예"};
  EXPECT_EQ(show(output_constraint({}, format, {})), "'예'");
}

TEST(OutputConstraint, RequiredCalls) {
  ToolRequest request = tools(ToolRequest::Choice::kRequired);
  const std::string one = "[" + kF + " | " + kG + "]";
  EXPECT_EQ(show(output_constraint(request, {}, {})), "(" + one + " ('\n' " + one + "){0,31})");
  request.parallel = false;
  EXPECT_EQ(show(output_constraint(request, {}, {})), one);
  request.allowed = {"g"};
  EXPECT_EQ(show(output_constraint(request, {}, {})), kG);
}

TEST(OutputConstraint, FreeToolsBindOnlyWhenStrictOrBesideAFormat) {
  ToolRequest request = tools(ToolRequest::Choice::kAuto, true);
  request.parallel = false;
  EXPECT_EQ(show(output_constraint(request, {}, {})), "(~<tool_call>~ [" + kF + " | " + kAnyG + "]{0,1})");
  request = tools(ToolRequest::Choice::kAuto);
  request.parallel = false;
  OutputFormat format;
  format.kind = OutputFormat::Kind::kJsonObject;
  EXPECT_EQ(show(output_constraint(request, format, {})), "[[" + kAnyF + " | " + kAnyG + "] | OBJECT]");
}

TEST(OutputConstraint, ReasoningComesFirst) {
  OutputFormat format;
  format.kind = OutputFormat::Kind::kJsonObject;
  AnswerSyntax syntax;
  syntax.reasoning = true;
  EXPECT_EQ(show(output_constraint({}, format, syntax)), "(('<think>' (~</think>~ '</think>\n\n')){0,1} OBJECT)");
  syntax.starts_in_reasoning = true;
  EXPECT_EQ(show(output_constraint({}, format, syntax)), "((~</think>~ '</think>\n\n') OBJECT)");
}

// What a constraint forces is what the parser reads.
TEST(OutputConstraint, TheParserReadsForcedCalls) {
  AnswerSyntax syntax;
  syntax.tools = {"f", "g"};
  AnswerParser parser(syntax);
  ToolRequest request = tools(ToolRequest::Choice::kRequired);
  request.parallel = false;
  request.allowed = {"g"};
  const OutputConstraint call = output_constraint(request, {}, {});
  parser.push(call.items.at(0).text + "{\"a\": 1}" + call.items.at(2).text);
  parser.finish();
  const std::vector<AnswerPart> parts = parser.take_parts();
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "g");
  EXPECT_EQ(parts[0].text, "{\"a\": 1}");
}

}  // namespace
}  // namespace ondol
