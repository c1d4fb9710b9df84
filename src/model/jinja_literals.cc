#include "model/jinja_literals.h"

#include <charconv>

#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Digits with single underscores between them, from `at`.
size_t digits_end(std::string_view text, size_t at) {
  while (at < text.size() && (is_digit(text[at]) || (text[at] == '_' && at + 1 < text.size() && is_digit(text[at + 1])))) ++at;
  return at;
}

// Behind the fraction and exponent that may follow the whole digits that end at `end`.
size_t fraction_end(std::string_view text, size_t end) {
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) end = digits_end(text, end + 1);
  size_t exponent = end;
  if (exponent < text.size() && (text[exponent] == 'e' || text[exponent] == 'E')) ++exponent;
  if (exponent == end) return end;
  if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
  return exponent < text.size() && is_digit(text[exponent]) ? digits_end(text, exponent) : end;
}

// Resolves the escape after a backslash at `at`, which is moved behind it. False: not a valid escape.
bool unescape(std::string_view text, size_t& at, std::string& out) {
  static constexpr std::string_view kFrom = "\\'\"abfnrtv";
  static constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
  const char c = text[at];
  if (const size_t simple = kFrom.find(c); simple != std::string_view::npos) {
    out += kTo[simple];
    ++at;
    return true;
  }
  if (c == '\n') {  // a line that goes on
    ++at;
    return true;
  }
  size_t start = at + 1;
  size_t length = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  int base = 16;
  if (c >= '0' && c <= '7') {
    start = at;
    base = 8;
    for (length = 1; length < 3 && start + length < text.size() && text[start + length] >= '0' && text[start + length] <= '7';) ++length;
  }
  if (length == 0) {  // not an escape: the backslash stays
    out += '\\';
    return c != 'N';
  }
  if (start + length > text.size()) return false;
  uint32_t point = 0;
  const char* last = text.data() + start + length;
  const auto parsed = std::from_chars(text.data() + start, last, point, base);
  if (parsed.ec != std::errc() || parsed.ptr != last || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
  append_point(out, point);
  at = start + length;
  return true;
}

}  // namespace

Result<size_t> read_number(std::string_view source, size_t at, Token& token) {
  const size_t whole = digits_end(source, at);
  // In "x.1.5" the digits behind a dot are an index, not the beginning of a fraction.
  size_t end = at > 0 && source[at - 1] == '.' ? whole : fraction_end(source, whole);
  std::string digits(source.substr(at, end - at));
  int base = 10;
  if (digits == "0" && whole < source.size()) {
    const char letter = static_cast<char>(source[whole] | 0x20);
    base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10) {
      end = whole + 1;
      while (end < source.size() && (is_digit(source[end]) || is_letter(source[end]) || source[end] == '_')) ++end;
      digits = source.substr(whole + 1, end - whole - 1);
    }
  }
  std::erase(digits, '_');
  token.kind = base != 10 || end == whole ? TokenKind::kInteger : TokenKind::kFloat;
  const char* last = digits.data() + digits.size();
  const auto parsed = token.kind == TokenKind::kInteger ? std::from_chars(digits.data(), last, token.integer, base)
                                                        : std::from_chars(digits.data(), last, token.number);
  if (parsed.ec != std::errc() || parsed.ptr != last) {
    return fail(Code::kInvalidArgument, "the number " + quoted(source.substr(at, end - at)) + " is not one that fits 64 bits");
  }
  token.text = std::move(digits);
  return end;
}

Result<std::string> resolve_escapes(std::string_view literal) {
  std::string text;
  for (size_t at = 0; at < literal.size();) {
    if (literal[at] != '\\') {
      text += literal[at++];
    } else if (++at >= literal.size() || !unescape(literal, at, text)) {
      return fail(Code::kInvalidArgument, "a string has an escape that is not valid: " + quoted(literal.substr(at - 1, 12)));
    }
  }
  return text;
}

}  // namespace ondol::jinja
