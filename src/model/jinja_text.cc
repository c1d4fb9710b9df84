#include "model/jinja_text.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace ondol::jinja {
namespace {

bool starts_point(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; }

// The last code point of a text that is not empty.
std::string_view last_point(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && !starts_point(text[at])) --at;
  return text.substr(at);
}

std::string_view first_point(std::string_view text) {
  size_t end = 1;
  while (end < text.size() && !starts_point(text[end])) ++end;
  return text.substr(0, end);
}

// ICU counts in int32_t.
bool mappable(std::string_view text) { return text.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 4; }

icu::UnicodeString wide(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool cased(char32_t point) { return u_hasBinaryProperty(static_cast<UChar32>(point), UCHAR_CASED) != 0; }

std::string title_point(std::string_view point) {
  if (point.size() == 1 && ascii(point)) return std::string(1, ascii_upper(point[0]));
  std::string out;
  return wide(point).toTitle(nullptr, icu::Locale::getRoot()).toUTF8String(out);
}

}  // namespace

size_t count_points(std::string_view text) { return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_point)); }

size_t byte_offset(std::string_view text, size_t index) {
  size_t at = 0;
  for (size_t seen = 0; at < text.size(); ++at) {
    if (starts_point(text[at]) && seen++ == index) break;
  }
  return at;
}

char32_t next_point(std::string_view text, size_t& at) {
  const size_t start = at++;
  while (at < text.size() && !starts_point(text[at])) ++at;
  if (at == start + 1 && static_cast<uint8_t>(text[start]) < 0x80) return static_cast<char32_t>(text[start]);
  int32_t position = 0;
  const auto length = static_cast<int32_t>(std::min<size_t>(at - start, 8));
  UChar32 point = 0;
  U8_NEXT(reinterpret_cast<const uint8_t*>(text.data() + start), position, length, point);
  return point < 0 || position != length ? char32_t{0xFFFD} : static_cast<char32_t>(point);
}

void append_point(std::string& out, char32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += {static_cast<char>(0xC0 | (point >> 6)), static_cast<char>(0x80 | (point & 0x3F))};
  } else if (point < 0x10000) {
    out += {static_cast<char>(0xE0 | (point >> 12)), static_cast<char>(0x80 | ((point >> 6) & 0x3F)),
            static_cast<char>(0x80 | (point & 0x3F))};
  } else {
    out += {static_cast<char>(0xF0 | (point >> 18)), static_cast<char>(0x80 | ((point >> 12) & 0x3F)),
            static_cast<char>(0x80 | ((point >> 6) & 0x3F)), static_cast<char>(0x80 | (point & 0x3F))};
  }
}

size_t find_text(std::string_view text, std::string_view wanted, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return found == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<std::string_view> split_points(std::string_view text) {
  std::vector<std::string_view> points;
  points.reserve(text.size());
  while (!text.empty()) {
    points.push_back(first_point(text));
    text.remove_prefix(points.back().size());
  }
  return points;
}

bool is_space(char32_t point) {
  if (point < 0x80) return point == ' ' || (point >= '\t' && point <= '\r') || (point >= 0x1C && point <= 0x1F);
  return u_isUWhiteSpace(static_cast<UChar32>(point)) != 0;
}

std::string_view strip_left(std::string_view text) {
  size_t begin = 0;
  for (size_t at = 0; at < text.size() && is_space(next_point(text, at));) begin = at;
  return text.substr(begin);
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    const std::string_view last = last_point(text);
    size_t at = 0;
    if (!is_space(next_point(last, at))) break;
    text.remove_suffix(last.size());
  }
  return text;
}

std::string_view strip_left(std::string_view text, std::string_view chars) {
  const auto set = split_points(chars);
  while (!text.empty() && std::find(set.begin(), set.end(), first_point(text)) != set.end()) text.remove_prefix(first_point(text).size());
  return text;
}

std::string_view strip_right(std::string_view text, std::string_view chars) {
  const auto set = split_points(chars);
  while (!text.empty() && std::find(set.begin(), set.end(), last_point(text)) != set.end()) text.remove_suffix(last_point(text).size());
  return text;
}

std::string upper(std::string_view text) {
  std::string out(text);
  if (ascii(text) || !mappable(text)) {
    std::transform(out.begin(), out.end(), out.begin(), ascii_upper);
    return out;
  }
  out.clear();
  return wide(text).toUpper(icu::Locale::getRoot()).toUTF8String(out);
}

std::string lower(std::string_view text) {
  std::string out(text);
  if (ascii(text) || !mappable(text)) {
    std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
    return out;
  }
  out.clear();
  return wide(text).toLower(icu::Locale::getRoot()).toUTF8String(out);
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const auto point = static_cast<UChar32>(next_point(text, at));
    const std::string_view slice = text.substr(start, at - start);
    out += u_isUUppercase(point) ? lower(slice) : u_isULowercase(point) ? upper(slice) : std::string(slice);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const std::string_view first = first_point(text);
  return title_point(first) + lower(text.substr(first.size()));
}

std::string title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t point = next_point(text, at);
    const std::string_view slice = text.substr(start, at - start);
    out += in_word ? lower(slice) : title_point(slice);
    in_word = cased(point);
  }
  return out;
}

bool all_of_class(std::string_view text, CharClass wanted) {
  bool any_cased = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t code = next_point(text, at);
    const auto point = static_cast<UChar32>(code);
    const int32_t numeric = u_getIntPropertyValue(point, UCHAR_NUMERIC_TYPE);
    const bool digit = numeric == U_NT_DECIMAL || numeric == U_NT_DIGIT;
    bool fits = true;
    switch (wanted) {
      case CharClass::kDecimal: fits = numeric == U_NT_DECIMAL; break;
      case CharClass::kDigit: fits = digit; break;
      case CharClass::kNumeric: fits = numeric != U_NT_NONE; break;
      case CharClass::kAlpha: fits = u_isalpha(point) != 0; break;
      case CharClass::kAlnum: fits = u_isalpha(point) != 0 || numeric != U_NT_NONE; break;
      case CharClass::kSpace: fits = is_space(code); break;
      case CharClass::kUpper:
        fits = !u_isULowercase(point) && !u_istitle(point);
        any_cased = any_cased || u_isUUppercase(point);
        break;
      case CharClass::kLower:
        fits = !u_isUUppercase(point) && !u_istitle(point);
        any_cased = any_cased || u_isULowercase(point);
        break;
    }
    if (!fits) return false;
  }
  if (wanted == CharClass::kUpper || wanted == CharClass::kLower) return any_cased;
  return !text.empty();
}

bool valid_utf8(std::string_view text, size_t& bad_at) {
  for (bad_at = 0; bad_at < text.size();) {
    if (static_cast<uint8_t>(text[bad_at]) < 0x80) {
      ++bad_at;
      continue;
    }
    int32_t position = 0;
    const auto length = static_cast<int32_t>(std::min<size_t>(text.size() - bad_at, 4));
    UChar32 point = 0;
    U8_NEXT(reinterpret_cast<const uint8_t*>(text.data() + bad_at), position, length, point);
    if (point < 0) return false;
    bad_at += static_cast<size_t>(position);
  }
  return true;
}

}  // namespace ondol::jinja
