#include "model/tokenizer_marks.h"

#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "model/pretokenizer_chars.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

// Twice what the Stream-Safe Text Format (UAX 15) allows, and few enough for a square to be small.
constexpr size_t kLongRun = 64;

struct Mark {
  uint32_t point;
  uint8_t order;   // canonical combining class
  uint32_t place;  // marks of one class keep their order
};

// The end of the run of marks at `at`, and how many they are.
std::pair<size_t, size_t> mark_run(std::string_view text, size_t at) {
  const CharTable& table = CharTable::get();
  size_t count = 0;
  while (at < text.size()) {
    const Utf8Char c = decode_utf8(text, at);
    if ((table.bits(c.point) & char_bits::kNonStarter) == 0) break;
    at += c.bytes;
    ++count;
  }
  return {at, count};
}

void append_ordered(std::string& out, std::string_view run, const icu::Normalizer2& form) {
  std::vector<Mark> marks;
  const auto add = [&](UChar32 c) {
    marks.push_back({static_cast<uint32_t>(c), form.getCombiningClass(c), static_cast<uint32_t>(marks.size())});
  };
  icu::UnicodeString parts;
  for (size_t at = 0; at < run.size();) {
    const Utf8Char c = decode_utf8(run, at);
    at += c.bytes;
    if (!form.getDecomposition(static_cast<UChar32>(c.point), parts)) {
      add(static_cast<UChar32>(c.point));
      continue;
    }
    for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) add(parts.char32At(i));
  }
  // Starters stay where they are, marks between them are put in order.
  const auto is_starter = [](const Mark& mark) { return mark.order == 0; };
  for (auto begin = marks.begin(); begin != marks.end();) {
    const auto end = std::find_if(begin, marks.end(), is_starter);
    std::sort(begin, end, [](const Mark& a, const Mark& b) { return std::tie(a.order, a.place) < std::tie(b.order, b.place); });
    begin = std::find_if_not(end, marks.end(), is_starter);
  }
  for (const Mark& mark : marks) append_utf8(out, mark.point);
}

}  // namespace

bool has_long_mark_run(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if ((text[at] & 0x80) == 0) {
      ++at;
      continue;
    }
    const auto [end, count] = mark_run(text, at);
    if (count > kLongRun) return true;
    at = count > 0 ? end : at + decode_utf8(text, at).bytes;
  }
  return false;
}

std::string order_marks(std::string_view text, bool compatibility) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* form = compatibility ? icu::Normalizer2::getNFKDInstance(error) : icu::Normalizer2::getNFDInstance(error);
  if (U_FAILURE(error)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto [end, count] = mark_run(text, at);
    if (count > kLongRun) {
      append_ordered(out, text.substr(at, end - at), *form);
      at = end;
    } else {
      const size_t next = count > 0 ? end : at + decode_utf8(text, at).bytes;
      out += text.substr(at, next - at);
      at = next;
    }
  }
  return out;
}

}  // namespace ondol
