#include "gateway/answer_part.h"

#include <algorithm>
#include <utility>

namespace ondol {

void append_part(std::vector<AnswerPart>& parts, AnswerPart part) {
  const bool more = !parts.empty() && parts.back().kind == part.kind && parts.back().call == part.call && part.call_id.empty();
  if (more) {
    parts.back().text += part.text;
  } else {
    parts.push_back(std::move(part));
  }
}

std::string text_of(const std::vector<AnswerPart>& parts, AnswerPart::Kind kind) {
  std::string out;
  for (const AnswerPart& part : parts) {
    if (part.kind == kind) out += part.text;
  }
  return out;
}

bool has_calls(const std::vector<AnswerPart>& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const AnswerPart& part) { return part.kind == AnswerPart::Kind::kToolCall; });
}

}  // namespace ondol
