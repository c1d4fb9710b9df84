#include "model/tokenizer_regex.h"

#include <unicode/uregex.h>
#include <unicode/utext.h>

namespace ondol {
namespace {

struct TextCloser {
  void operator()(UText* text) const { utext_close(text); }
};

std::shared_ptr<void> owned(URegularExpression* regex) {
  return {regex, [](void* p) { uregex_close(static_cast<URegularExpression*>(p)); }};
}

}  // namespace

TextPattern TextPattern::literal(std::string text) {
  TextPattern pattern;
  pattern.text_ = std::move(text);
  return pattern;
}

Result<TextPattern> TextPattern::regex(std::string_view text) {
  if (text.empty() || text.size() > kMaxPattern) {
    return fail(Code::kInvalidArgument, "a regular expression has " + std::to_string(text.size()) + " bytes; 1 to " +
                                            std::to_string(kMaxPattern) + " are supported");
  }
  UErrorCode error = U_ZERO_ERROR;
  UParseError place{};
  UText source = UTEXT_INITIALIZER;
  const std::unique_ptr<UText, TextCloser> opened(utext_openUTF8(&source, text.data(), static_cast<int64_t>(text.size()), &error));
  TextPattern pattern;
  pattern.text_ = text;
  pattern.regex_ = owned(uregex_openUText(&source, 0, &place, &error));
  if (U_FAILURE(error)) {
    return fail(Code::kInvalidArgument, "the regular expression " + quoted(text) + " is not understood near character " +
                                            std::to_string(place.offset) + ": " + u_errorName(error));
  }
  return pattern;
}

TextMatcher::TextMatcher(const TextPattern& pattern, MatchDeadline deadline) : pattern_(pattern), deadline_(deadline) {
  if (!pattern.is_regex()) return;
  UErrorCode error = U_ZERO_ERROR;
  regex_ = owned(uregex_clone(static_cast<const URegularExpression*>(pattern.regex_.get()), &error));
  auto* regex = static_cast<URegularExpression*>(regex_.get());
  uregex_setTimeLimit(regex, kMatchBudgetMs, &error);
  uregex_setStackLimit(regex, kMatchStackBytes, &error);
}

Status TextMatcher::find_all(std::string_view text, uint32_t base, std::vector<TextRange>& out) {
  if (pattern_.is_regex()) return find_regex(text, base, out);
  const std::string& literal = pattern_.text();
  if (literal.empty()) return {};
  for (size_t at = 0; (at = text.find(literal, at)) != std::string_view::npos; at += literal.size()) {
    out.push_back({base + static_cast<uint32_t>(at), base + static_cast<uint32_t>(at + literal.size())});
  }
  return {};
}

Status TextMatcher::find_regex(std::string_view text, uint32_t base, std::vector<TextRange>& out) {
  auto* regex = static_cast<URegularExpression*>(regex_.get());
  UErrorCode error = U_ZERO_ERROR;
  UText source = UTEXT_INITIALIZER;
  const std::unique_ptr<UText, TextCloser> opened(utext_openUTF8(&source, text.data(), static_cast<int64_t>(text.size()), &error));
  uregex_setUText(regex, &source, &error);
  const auto is_late = [&] { return std::chrono::steady_clock::now() > deadline_; };
  bool late = is_late();
  for (size_t count = 1; U_SUCCESS(error) && !late && uregex_findNext(regex, &error); ++count) {
    const int64_t begin = uregex_start64(regex, 0, &error), end = uregex_end64(regex, 0, &error);
    if (end > begin) out.push_back({base + static_cast<uint32_t>(begin), base + static_cast<uint32_t>(end)});
    late = count % 64 == 0 && is_late();
  }
  if (late || U_FAILURE(error)) {
    return fail(Code::kResourceExhausted, "the tokenizer's regular expression " + quoted(pattern_.text()) +
                                              " takes too long or too much memory on " + std::to_string(text.size()) + " bytes" +
                                              (U_FAILURE(error) ? std::string(": ") + u_errorName(error) : ""));
  }
  return {};
}

}  // namespace ondol
