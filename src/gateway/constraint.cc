#include "gateway/constraint.h"

#include <algorithm>
#include <utility>

namespace ondol {
namespace {

using Node = OutputConstraint;
using Kind = OutputConstraint::Kind;

Node literal(std::string text) { return {.kind = Kind::kLiteral, .text = std::move(text)}; }
Node sequence(std::vector<Node> items) { return {.kind = Kind::kSequence, .items = std::move(items)}; }
Node repeat(Node item, int min, int max) { return {.kind = Kind::kRepeat, .items = {std::move(item)}, .min = min, .max = max}; }
Node free_text(std::string stop) { return {.kind = Kind::kFreeText, .stops = {std::move(stop)}}; }

Node choice(std::vector<Node> items) {
  if (items.size() == 1) return std::move(items.front());
  return {.kind = Kind::kChoice, .items = std::move(items)};
}

// `exact`: the arguments must be right. Otherwise any object is taken, as without a constraint.
Node call(const Tool& tool, bool exact) {
  Node arguments{.kind = exact ? Kind::kJsonSchema : Kind::kAnyJsonObject};
  if (exact) arguments.schema = tool.parameters;
  return sequence({literal(std::string(kCallOpen) + "\n{\"name\": \"" + tool.name + "\", \"arguments\": "), std::move(arguments),
                   literal("}\n" + std::string(kCallClose))});
}

// One call, or more behind line breaks.
Node calls(const ToolRequest& request, const std::vector<const Tool*>& tools, bool all_exact) {
  std::vector<Node> each;
  for (const Tool* tool : tools) each.push_back(call(*tool, all_exact || tool->strict));
  Node one = choice(std::move(each));
  if (!request.parallel) return one;
  Node more = repeat(sequence({literal("\n"), one}), 0, kMaxCalls - 1);
  return sequence({std::move(one), std::move(more)});
}

Node content(const OutputFormat& format) {
  switch (format.kind) {
    case OutputFormat::Kind::kText: break;
    case OutputFormat::Kind::kJsonObject: return {.kind = Kind::kAnyJsonObject};
    case OutputFormat::Kind::kJsonSchema:
      if (!format.schema.is_object()) return {.kind = Kind::kAnyJson};
      return {.kind = Kind::kJsonSchema, .schema = format.schema};
    case OutputFormat::Kind::kRegex: return {.kind = Kind::kRegex, .text = format.pattern};
    case OutputFormat::Kind::kChoice: {
      std::vector<Node> items;
      for (const std::string& text : format.choices) items.push_back(literal(text));
      return choice(std::move(items));
    }
  }
  return {};
}

Node visible(const ToolRequest& request, const OutputFormat& format) {
  const std::vector<const Tool*> tools = request.callable();
  Node text = content(format);
  if (tools.empty()) return text;
  if (request.choice == ToolRequest::Choice::kRequired) return calls(request, tools, true);
  const bool strict = std::any_of(tools.begin(), tools.end(), [](const Tool* tool) { return tool->strict; });
  if (text.kind != Kind::kNone) return choice({calls(request, tools, false), std::move(text)});
  if (!strict) return text;
  return sequence({free_text(std::string(kCallOpen)), repeat(calls(request, tools, false), 0, 1)});
}

}  // namespace

OutputConstraint output_constraint(const ToolRequest& tools, const OutputFormat& format, const AnswerSyntax& syntax) {
  Node out = visible(tools, format);
  if (out.kind == Kind::kNone || !syntax.reasoning) return out;
  Node rest = sequence({free_text(syntax.close_reasoning), literal(syntax.close_reasoning + "\n\n")});
  if (!syntax.starts_in_reasoning) rest = repeat(sequence({literal(syntax.open_reasoning), std::move(rest)}), 0, 1);
  return sequence({std::move(rest), std::move(out)});
}

}  // namespace ondol
