// What the text of an answer must be, as a tree: data for a grammar compiler, enforced elsewhere.
//
// Owner: value types; pure functions. Any thread. Bounded by the request's own limits (schemas, names, choices).
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "gateway/answer_parser.h"
#include "gateway/output_format.h"
#include "gateway/tool_request.h"

namespace ondol {

struct OutputConstraint {
  enum class Kind {
    kNone,           // any text; only as the root
    kLiteral,        // `text`
    kRegex,          // `text`, of the whole stretch
    kJsonSchema,     // JSON that `schema` allows
    kAnyJson,        // any JSON value
    kAnyJsonObject,  // any JSON object
    kFreeText,       // text without any of `stops`, until one of them begins or the answer ends; the stop belongs to what follows
    kSequence,       // `items`, one behind the other
    kChoice,         // one of `items`
    kRepeat,         // items[0], `min` to `max` times
  };

  Kind kind = Kind::kNone;
  std::string text = {};
  boost::json::value schema = {};
  std::vector<std::string> stops = {};
  std::vector<OutputConstraint> items = {};
  int min = 0;
  int max = 0;
};

// At most this many calls in one answer when a constraint writes them.
inline constexpr int kMaxCalls = 32;

// Required and named tools: <tool_call>\n{"name": "f", "arguments": ...}\n</tool_call>, more of them behind line breaks if several may
// come. Tools that may be called freely constrain nothing unless one of them is strict: then any text, and calls behind it that are right.
// The format binds the content; with tools an answer is calls or that content. Reasoning, where the model reasons, stays free and comes
// first.
OutputConstraint output_constraint(const ToolRequest& tools, const OutputFormat& format, const AnswerSyntax& syntax);

}  // namespace ondol
