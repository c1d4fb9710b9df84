#include "grammar/regex_reader.h"

#include <algorithm>

#include "model/tokenizer_utf8.h"

namespace ondol {

std::unexpected<Error> RegexReader::wrong(const std::string& what) const {
  return fail(Code::kInvalidArgument, "pattern " + quoted(text_) + ", offset " + std::to_string(at_) + ": " + what);
}

char32_t RegexReader::peek() const { return at_ < text_.size() ? decode_utf8(text_, at_).point : kEndOfPattern; }
char32_t RegexReader::take() {
  const Utf8Char c = decode_utf8(text_, at_);
  at_ += c.bytes;
  return c.point;
}
bool RegexReader::skip(std::string_view literal) {
  if (!text_.substr(at_).starts_with(literal)) return false;
  at_ += literal.size();
  return true;
}

std::optional<uint32_t> RegexReader::number(uint32_t most) {
  if (peek() < '0' || peek() > '9') return std::nullopt;
  uint32_t value = 0;
  while (peek() >= '0' && peek() <= '9') value = std::min(value * 10 + static_cast<uint32_t>(take() - '0'), most);
  return value;
}

Result<CharSet> RegexReader::escape() {
  if (at_ >= text_.size()) return wrong("a backslash at the end");
  const char32_t c = take();
  switch (c) {
    case 'd': return digit_chars(wide_);
    case 'D': return digit_chars(!wide_).complement();
    case 'w': return word_chars(wide_);
    case 'W': return word_chars(!wide_).complement();
    case 's': return space_chars(wide_);
    case 'S': return space_chars(!wide_).complement();
    case 'p': return property();
    case 'P': {
      ONDOL_TRY(const CharSet set, property());
      return set.complement();
    }
    default: break;
  }
  ONDOL_TRY(const char32_t one, char_escape(c));
  return CharSet(one, one);
}

Result<CharSet> RegexReader::property() {
  if (!skip("{")) return wrong("\\p without {");
  const size_t end = text_.find('}', at_);
  if (end == std::string_view::npos) return wrong("\\p{ without }");
  const auto set = property_chars(text_.substr(at_, end - at_));
  if (!set) return wrong("an unknown character property");
  at_ = end + 1;
  return *set;
}

Result<char32_t> RegexReader::char_escape(char32_t c) {
  switch (c) {
    case 'n': return U'\n';
    case 't': return U'\t';
    case 'r': return U'\r';
    case 'f': return U'\f';
    case 'v': return U'\v';
    case '0':
      if (peek() >= '0' && peek() <= '9') return wrong("octal escapes are not supported");
      return U'\0';
    case 'c': {
      const char32_t letter = peek();
      if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) return wrong("\\c without a letter");
      return take() & 31;
    }
    case 'x': return hex(2);
    case 'u': return unicode_escape();
    default: break;
  }
  const bool name_char = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  if (name_char) return wrong("an unknown escape");
  return c;
}

Result<char32_t> RegexReader::unicode_escape() {
  if (skip("{")) {
    const size_t end = text_.find('}', at_);
    if (end == std::string_view::npos || end == at_ || end - at_ > 6) return wrong("\\u{ without 1 to 6 hexadecimal digits and }");
    ONDOL_TRY(const char32_t point, hex(end - at_));
    ++at_;
    if (point > kMaxScalar || (point >= 0xD800 && point <= 0xDFFF)) return wrong("not a character");
    return point;
  }
  ONDOL_TRY(const char32_t unit, hex(4));
  if (unit < 0xD800 || unit > 0xDFFF) return unit;
  if (unit > 0xDBFF || !skip("\\u")) return wrong("half a surrogate pair");
  ONDOL_TRY(const char32_t low, hex(4));
  if (low < 0xDC00 || low > 0xDFFF) return wrong("half a surrogate pair");
  return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

Result<char32_t> RegexReader::hex(size_t digits) {
  char32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char32_t c = peek();
    char32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return wrong("an escape needs " + std::to_string(digits) + " hexadecimal digits");
    }
    value = value * 16 + digit;
    ++at_;
  }
  return value;
}

}  // namespace ondol
