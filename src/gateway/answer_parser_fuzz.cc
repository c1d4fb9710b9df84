// Any text, cut anywhere: the same parts as in one piece; and without tools and reasoning, the text itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/answer_parser.h"

namespace {

using namespace ondol;

std::vector<AnswerPart> parse(std::string_view text, const AnswerSyntax& syntax, uint32_t cut) {
  AnswerParser parser(syntax);
  std::vector<AnswerPart> out;
  const auto take = [&] {
    for (AnswerPart& part : parser.take_parts()) append_part(out, std::move(part));
  };
  while (!text.empty()) {
    cut = cut * 1664525u + 1013904223u;
    const size_t bytes = std::min<size_t>(text.size(), 1 + (cut >> 28));
    parser.push(text.substr(0, bytes));
    text.remove_prefix(bytes);
    take();
  }
  parser.finish();
  take();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  AnswerSyntax syntax;
  syntax.reasoning = data[0] & 1;
  syntax.starts_in_reasoning = data[0] & 2;
  syntax.parallel_calls = data[0] & 4;
  if (data[0] & 8) syntax.tools = {"f", "now"};
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  AnswerParser parser(syntax);
  parser.push(text);
  parser.finish();
  const std::vector<AnswerPart> whole = parser.take_parts();
  const std::vector<AnswerParser::Span> spans = parser.take_spans();
  if (!text.empty() && (spans.empty() || spans.back().end != text.size())) __builtin_trap();
  const std::vector<AnswerPart> cut = parse(text, syntax, data[1]);
  if (whole.size() != cut.size()) __builtin_trap();
  for (size_t i = 0; i < whole.size(); ++i) {
    const AnswerPart &a = whole[i], &b = cut[i];
    if (a.kind != b.kind || a.text != b.text || a.call != b.call || a.call_id != b.call_id || a.name != b.name) __builtin_trap();
  }
  if (parser.plain() && text_of(whole, AnswerPart::Kind::kContent) != text) __builtin_trap();
  return 0;
}
