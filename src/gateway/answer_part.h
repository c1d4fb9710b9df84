// What an answer consists of: content, reasoning, and calls of tools, in the order in which the model wrote them.
//
// Owner: value types. Any thread. Bounded by what they were made from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ondol {

struct AnswerPart {
  enum class Kind { kContent, kReasoning, kToolCall };
  Kind kind = Kind::kContent;
  std::string text;     // more of the content, of the reasoning, or of the call's arguments (JSON text); valid UTF-8
  int call = 0;         // kToolCall: index in this answer, from 0
  std::string call_id;  // kToolCall: set in a call's first part only ("call_" and 24 characters)
  std::string name;     // kToolCall: likewise
};

// Puts the part behind the others; more of the same kind and call becomes one part with the last.
void append_part(std::vector<AnswerPart>& parts, AnswerPart part);

// The texts of one kind, put together.
std::string text_of(const std::vector<AnswerPart>& parts, AnswerPart::Kind kind);
bool has_calls(const std::vector<AnswerPart>& parts);

}  // namespace ondol
