#include "gateway/answer_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ondol {
namespace {

// The parts in one line: content as it is, reasoning in [], calls as name(arguments).
std::string show(const std::vector<AnswerPart>& parts) {
  std::string out;
  int calls = 0;
  for (const AnswerPart& part : parts) {
    if (part.kind == AnswerPart::Kind::kContent) out += part.text;
    if (part.kind == AnswerPart::Kind::kReasoning) out += "[" + part.text + "]";
    if (part.kind != AnswerPart::Kind::kToolCall) continue;
    EXPECT_EQ(part.call, calls++);
    EXPECT_TRUE(part.call_id.starts_with("call_"));
    EXPECT_EQ(part.call_id.size(), 29u);
    out += part.name + "(" + part.text + ")";
  }
  return out;
}

struct Parsed {
  std::vector<AnswerPart> parts;
  std::vector<AnswerParser::Span> spans;
};

// Cut at the given bytes.
Parsed parse_cut(std::string_view text, const AnswerSyntax& syntax, const std::vector<size_t>& cuts) {
  AnswerParser parser(syntax);
  Parsed out;
  const auto take = [&] {
    for (AnswerPart& part : parser.take_parts()) append_part(out.parts, std::move(part));
    for (const AnswerParser::Span& span : parser.take_spans()) {
      if (!out.spans.empty() && out.spans.back().fate == span.fate) out.spans.pop_back();
      out.spans.push_back(span);
    }
  };
  size_t at = 0;
  for (const size_t cut : cuts) {
    parser.push(text.substr(at, cut - at));
    take();
    at = cut;
  }
  parser.push(text.substr(at));
  take();
  parser.finish();
  take();
  return out;
}

std::string parse(std::string_view text, const AnswerSyntax& syntax) { return show(parse_cut(text, syntax, {}).parts); }

AnswerSyntax tools() {
  AnswerSyntax syntax;
  syntax.tools = {"get_weather", "now"};
  return syntax;
}

AnswerSyntax thinking(bool open) {
  AnswerSyntax syntax = tools();
  syntax.reasoning = true;
  syntax.starts_in_reasoning = open;
  return syntax;
}

struct Sample {
  std::string text;
  std::string shown;
  AnswerSyntax syntax = tools();
};

const std::string kSeoul = R"({"name": "get_weather", "arguments": {"city": "서울", "days": [1, 2.5e3, -0]}})";
const std::string kSeoulShown = R"(get_weather({"city": "서울", "days": [1, 2.5e3, -0]}))";

AnswerSyntax one_call() {
  AnswerSyntax syntax = tools();
  syntax.parallel_calls = false;
  return syntax;
}

const Sample kSamples[] = {
    // Content.
    {"", ""},
    {"안녕하세요, <b>bold</b> {x} `code`", "안녕하세요, <b>bold</b> {x} `code`"},
    {" \n", " \n"},
    {"\n  leading", "\n  leading"},
    {"```python\nprint({'a': 1})\n```\n", "```python\nprint({'a': 1})\n```\n"},
    {"<tool_call> is a tag", "<tool_call> is a tag"},
    {"a <<tool_cal", "a <<tool_cal"},
    {R"({"name": "Kim", "arguments": {}})", R"({"name": "Kim", "arguments": {}})"},
    {R"({"city": "Seoul", "name": "now"})", R"({"city": "Seoul", "name": "now"})"},
    {R"({"name": "now"})", R"({"name": "now"})"},
    {R"(text {"name": "now", "arguments": {}})", R"(text {"name": "now", "arguments": {}})"},
    {"<tool_call>" + kSeoul + "</tool_call>", "<tool_call>" + kSeoul + "</tool_call>", AnswerSyntax()},
    {"<think>no</think>", "<think>no</think>"},
    // The form of Hermes, Qwen and EXAONE.
    {"<tool_call>\n" + kSeoul + "\n</tool_call>", kSeoulShown},
    {"<tool_call>" + kSeoul + "</tool_call>", kSeoulShown},
    {"알아볼게요.\n<tool_call>\n" + kSeoul + "\n</tool_call>\n", "알아볼게요.\n" + kSeoulShown},
    {"\n\n<tool_call>" + kSeoul + "</tool_call>", kSeoulShown},
    {"<tool_call>" + kSeoul + "</tool_call>\n<tool_call>\n{\"name\":\"now\",\"arguments\":{}}\n</tool_call>", kSeoulShown + "now({})"},
    {"<tool_call>" + kSeoul + "\n{\"name\": \"now\"}</tool_call>", kSeoulShown + "now({})"},
    {"<tool_call>{\"name\": \"now\"}</tool_call> and text", "now({}) and text"},
    {"<tool_call>{\"name\": \"now\", \"arguments\": {}}<tool_call>{\"name\": \"now\"}</tool_call>", "now({})now({})"},
    {"<tool_call>{\"name\": \"now\", \"arguments\": {}</tool_call>", "now({})"},
    {"<tool_call><tool_call>{\"name\": \"now\"}</tool_call>", "<tool_call>now({})"},
    {"<tool_call>{\"arguments\": {\"city\": \"a\\\"}\"}, \"name\": \"get_weather\"}</tool_call>", "get_weather({\"city\": \"a\\\"}\"})"},
    {"<tool_call>{\"type\": \"function\", \"id\": 7, \"name\": \"now\", \"parameters\": {\"x\": null}}</tool_call>", "now({\"x\": null})"},
    {"<tool_call>{\"name\": \"now\", \"arguments\": {}, \"why\": [true, false]}</tool_call>", "now({})"},
    // Doubled braces, as the templates of small Qwen models show them.
    {"<tool_call>\n{{\"name\": \"now\", \"arguments\": {\"a\": 1}}}\n</tool_call>", "now({\"a\": 1})"},
    {"<tool_call>\n{{\"name\": \"now\", \"arguments\": {{\"a\": {{\"b\": 1}}}}}}\n</tool_call>", "now({\"a\": {\"b\": 1}})"},
    {"<tool_call>\n{{\"name\": \"now\", \"arguments\": {\"a\": 1}}\n</tool_call>", "now({\"a\": 1})"},
    {"{{\"name\": \"now\", \"arguments\": {\"a\": 1}}}", "now({\"a\": 1})"},
    // Fenced and bare.
    {"```json\n" + kSeoul + "\n```", kSeoulShown},
    {"```\n" + kSeoul + "\n```\n\n", kSeoulShown},
    {"날씨:\n  ```json\n" + kSeoul + "\n```\n```json\n{\"name\": \"now\", \"arguments\": {}}\n```", "날씨:\n  " + kSeoulShown + "now({})"},
    {"```json\n" + kSeoul + "\n{\"name\": \"now\", \"arguments\": {}}\n```", kSeoulShown + "now({})"},
    {"```json\n{\"name\": \"other\", \"arguments\": {}}\n```", "```json\n{\"name\": \"other\", \"arguments\": {}}\n```"},
    {"```json\n{\"a\": 1}\n```", "```json\n{\"a\": 1}\n```"},
    {"inline ```json\n" + kSeoul + "```", "inline ```json\n" + kSeoul + "```"},
    {kSeoul, kSeoulShown},
    {" " + kSeoul + "\n" + kSeoul, kSeoulShown + kSeoulShown},
    {kSeoul + "}", kSeoulShown + "}"},
    // Arguments as OpenAI's API writes them, and control characters that JSON does not allow.
    {R"({"name": "get_weather", "arguments": "{\"city\": \"\uc11c\uc6b8\"}"})", R"(get_weather({"city": "서울"}))"},
    {R"({"name": "now", "arguments": ""})", "now({})"},
    {R"({"name": "now", "arguments": "soon"})", R"({"name": "now", "arguments": "soon"})"},
    {"{\"name\": \"now\", \"arguments\": {\"t\": \"a\nb\tc\x01\"}}", R"(now({"t": "a\nb\tc\u0001"}))"},
    // Broken.
    {"<tool_call>{\"name\": \"now\", \"arguments\": [1]}</tool_call>", "<tool_call>{\"name\": \"now\", \"arguments\": [1]}</tool_call>"},
    {"<tool_call>{\"name\": now}</tool_call>", "<tool_call>{\"name\": now}</tool_call>"},
    {"<tool_call>{\"name\": \"now\",, }", "<tool_call>{\"name\": \"now\",, }"},
    {"<tool_call>{\"name\": \"now\", \"arguments\": {\"a\": 01}}</tool_call>", "now({\"a\": 0)1}}</tool_call>"},
    // Cut by a limit of tokens.
    {"<tool_call>{\"name\": \"get_we", "<tool_call>{\"name\": \"get_we"},
    {"<tool_call>{\"name\": \"now\", \"arguments\": {\"city\": \"서", "now({\"city\": \"서)"},
    {"<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool", "now({})"},
    // One call only.
    {"<tool_call>" + kSeoul + "</tool_call>\n<tool_call>{\"name\": \"now\"}</tool_call> end", kSeoulShown + " end", one_call()},
    // Reasoning.
    {"\n<think>\n 생각 </b> \n</think>\n\n답 <think>x</think>", "[생각 </b>]답 <think>x</think>", thinking(false)},
    {"답만", "답만", thinking(false)},
    {"  <tool_call>{\"name\": \"now\"}</tool_call>", "now({})", thinking(false)},
    {"<thin", "<thin", thinking(false)},
    {"생각</think>답", "[생각]답", thinking(true)},
    {"<think>\n생각\n</think>답", "[생각]답", thinking(true)},
    {"cut </thi", "[cut </thi]", thinking(true)},
    {"\n</think>\n\nonly text", "only text", thinking(true)},
    {"hm <tool_call>{\"name\": \"now\"}</tool_call></think>\n\n<tool_call>{\"name\": \"now\"}</tool_call>",
     "[hm <tool_call>{\"name\": \"now\"}</tool_call>]now({})", thinking(true)},
};

TEST(AnswerParser, Samples) {
  for (const Sample& sample : kSamples) EXPECT_EQ(parse(sample.text, sample.syntax), sample.shown) << sample.text;
}

TEST(AnswerParser, EverySplitOfEverySampleGivesTheSame) {
  for (const Sample& sample : kSamples) {
    const auto equal = [&](const std::vector<size_t>& cuts) {
      const Parsed parsed = parse_cut(sample.text, sample.syntax, cuts);
      EXPECT_EQ(show(parsed.parts), sample.shown) << sample.text;
      EXPECT_EQ(parsed.spans.empty() ? 0 : parsed.spans.back().end, sample.text.size()) << sample.text;
    };
    std::vector<size_t> all;
    for (size_t at = 0; at <= sample.text.size(); ++at) {
      equal({at});
      all.push_back(at);
    }
    equal(all);
  }
}

TEST(AnswerParser, ArgumentsComeAsTheyAreWritten) {
  AnswerParser parser(tools());
  parser.push("<tool_call>\n{\"name\": \"get_weather\", \"argu");
  EXPECT_TRUE(parser.take_parts().empty());
  parser.push("ments\": {");
  const auto first = parser.take_parts();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].name, "get_weather");
  EXPECT_EQ(first[0].text, "{");
  parser.push("\"city\": \"서");
  const auto second = parser.take_parts();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].text, "\"city\": \"서");
  EXPECT_TRUE(second[0].call_id.empty() && second[0].name.empty());
}

TEST(AnswerParser, HoldsNothingThatCannotBecomeACall) {
  AnswerParser parser(tools());
  parser.push("a < b");
  EXPECT_EQ(show(parser.take_parts()), "a < b");
  parser.push("\n```p");
  EXPECT_EQ(show(parser.take_parts()), "\n```p");
  AnswerParser object(tools());
  object.push("{\"city\"");
  EXPECT_EQ(show(object.take_parts()), "{\"city\"");
}

TEST(AnswerParser, WhatIsHeldIsBounded) {
  AnswerParser parser(tools());
  const std::string text = "<tool_call>{\"arguments\": {\"a\": \"" + std::string(AnswerParser::kMaxHeld, 'x');
  parser.push(text);
  EXPECT_EQ(show(parser.take_parts()), text);
  AnswerParser space(tools());
  const std::string blank(AnswerParser::kMaxHeld + 1, '\n');
  space.push(blank);
  EXPECT_EQ(show(space.take_parts()), blank);
  EXPECT_EQ(parse("{\"name\": \"now\", \"arguments\": " + std::string(100'000, '{'), tools()).substr(0, 4), "now(");
}

TEST(AnswerParser, SpansTellContentFromTheRest) {
  const std::string text = "생각</think>\n답 <tool_call>{\"name\": \"now\"}</tool_call>";
  const Parsed parsed = parse_cut(text, thinking(true), {});
  ASSERT_EQ(parsed.spans.size(), 3u);
  EXPECT_EQ(parsed.spans[0].fate, AnswerParser::Fate::kMarkup);
  EXPECT_EQ(parsed.spans[0].end, text.find("답"));
  EXPECT_EQ(parsed.spans[1].fate, AnswerParser::Fate::kContent);
  EXPECT_EQ(parsed.spans[1].end, text.find("<tool"));
  EXPECT_EQ(parsed.spans[2].end, text.size());
}

TEST(AnswerParser, IdsDifferAndFollowTheSeed) {
  AnswerSyntax syntax = tools();
  const std::string text = "<tool_call>{\"name\": \"now\"}\n{\"name\": \"now\"}</tool_call>";
  std::set<std::string> ids;
  for (const uint64_t seed : {1u, 2u, 1u}) {
    syntax.id_seed = seed;
    for (const AnswerPart& part : parse_cut(text, syntax, {}).parts) ids.insert(part.call_id);
  }
  EXPECT_EQ(ids.size(), 4u);
}

}  // namespace
}  // namespace ondol
