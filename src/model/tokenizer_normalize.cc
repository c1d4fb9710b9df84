#include "model/tokenizer_normalize.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include "model/pretokenizer_chars.h"
#include "model/tokenizer_marks.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

using Kind = Normalizer::Kind;

const icu::Normalizer2* icu_form(Kind kind, UErrorCode& error) {
  switch (kind) {
    case Kind::kNfc: return icu::Normalizer2::getNFCInstance(error);
    case Kind::kNfd: return icu::Normalizer2::getNFDInstance(error);
    case Kind::kNfkc: return icu::Normalizer2::getNFKCInstance(error);
    default: return icu::Normalizer2::getNFKDInstance(error);
  }
}

Result<std::string> to_form(Kind kind, std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* form = icu_form(kind, error);
  std::string out, ordered;
  if (has_long_mark_run(text)) {
    ordered = order_marks(text, kind == Kind::kNfkc || kind == Kind::kNfkd);
    text = ordered;
  }
  if (U_SUCCESS(error)) {
    icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(text.size()));
    form->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, error);
  }
  if (U_FAILURE(error)) return fail(Code::kInternal, std::string("Unicode normalisation failed: ") + u_errorName(error));
  return out;
}

Result<std::string> replace_all(std::string_view text, const Normalizer& step, size_t limit, MatchDeadline deadline) {
  std::vector<TextRange> matches;
  ONDOL_TRY_STATUS(TextMatcher(*step.pattern, deadline).find_all(text, 0, matches));
  std::string out;
  size_t at = 0;
  for (const auto& [begin, end] : matches) {
    out.append(text.substr(at, begin - at)).append(step.content);
    at = end;
    if (out.size() > limit) break;
  }
  return out.append(text.substr(at));
}

// Character by character, without regard to neighbours, as the reference tokenizers do; U+0130 is the one letter that becomes two.
std::string lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    at += c.bytes;
    append_utf8(out, static_cast<uint32_t>(u_tolower(static_cast<UChar32>(c.point))));
    if (c.point == 0x130) append_utf8(out, 0x307);
  }
  return out;
}

std::string_view strip(std::string_view text, bool left, bool right) {
  const CharTable& table = CharTable::get();
  const auto is_space = [&](size_t at) { return (table.bits(decode_utf8(text, at).point) & char_bits::kSpace) != 0; };
  while (left && !text.empty() && is_space(0)) text.remove_prefix(decode_utf8(text, 0).bytes);
  while (right && !text.empty()) {
    size_t start = text.size() - 1;
    while ((static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    if (!is_space(start)) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

// Whether the step leaves such a text as it is.
bool keeps(const Normalizer& step, std::string_view text, bool ascii) {
  switch (step.kind) {
    case Kind::kNfc:
    case Kind::kNfd:
    case Kind::kNfkc:
    case Kind::kNfkd: return ascii;
    case Kind::kReplace: return !step.pattern->is_regex() && text.find(step.pattern->text()) == std::string_view::npos;
    case Kind::kPrepend: return text.empty() || step.content.empty();
    default: return false;
  }
}

Result<std::string> apply(const Normalizer& step, std::string_view text, size_t limit, MatchDeadline deadline) {
  switch (step.kind) {
    case Kind::kPrepend: return step.content + std::string(text);
    case Kind::kReplace: return replace_all(text, step, limit, deadline);
    case Kind::kLowercase: return lowercase(text);
    case Kind::kStrip: return std::string(strip(text, step.left, step.right));
    default: return to_form(step.kind, text);
  }
}

}  // namespace

Result<std::string_view> normalize(std::span<const Normalizer> steps, std::string_view text, std::string& buffer, MatchDeadline deadline) {
  const size_t limit = text.size() * kMaxGrowth + kGrowthFloor;
  std::string_view current = text;
  for (const Normalizer& step : steps) {
    if (keeps(step, current, is_ascii(current))) continue;
    ONDOL_TRY(std::string changed, apply(step, current, limit, deadline));
    if (changed.size() > limit) {
      return fail(Code::kResourceExhausted, "the tokenizer's normaliser makes more than " + std::to_string(limit) + " bytes of a text of " +
                                                std::to_string(text.size()));
    }
    buffer = std::move(changed);
    current = buffer;
  }
  return current;
}

}  // namespace ondol
