#include "model/jinja_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

// Takes the underscores out; false if one is not between two digits.
bool join_digits(std::string_view text, std::string& out) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !digit(text[i - 1]) || !digit(text[i + 1])) {
      return false;
    }
  }
  return true;
}

// Takes a sign off the front.
bool take_sign(std::string_view& text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return negative;
}

}  // namespace

bool parse_integer(std::string_view text, int64_t base, int64_t& value) {
  if (base != 0 && (base < 2 || base > 36)) return false;
  text = strip(text);
  const bool negative = take_sign(text);
  if (text.size() > 2 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    const int64_t prefixed = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (prefixed != 0 && (base == prefixed || base == 0)) {
      base = prefixed;
      text.remove_prefix(text[2] == '_' ? 3 : 2);
    }
  }
  std::string digits;
  if (text.empty() || !join_digits(text, digits)) return false;
  if (base == 0) {
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos) return false;
    base = 10;
  }
  uint64_t magnitude = 0;
  const char* last = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), last, magnitude, static_cast<int>(base));
  const uint64_t largest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (parsed.ec != std::errc() || parsed.ptr != last || magnitude > largest) return false;
  value = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

bool parse_float(std::string_view text, double& value) {
  text = strip(text);
  const bool negative = take_sign(text);
  std::string digits;
  if (text.empty() || !join_digits(text, digits)) return false;
  std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (digits == "inf" || digits == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (digits == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (digits.find_first_not_of("0123456789.e+-") != std::string::npos || digits[0] == '-' || digits[0] == '+') return false;
    const char* last = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), last, value);
    if (parsed.ptr != last) return false;
    if (parsed.ec == std::errc::result_out_of_range) {
      const size_t exponent = digits.find("e-");
      value = exponent != std::string::npos ? 0.0 : std::numeric_limits<double>::infinity();
    } else if (parsed.ec != std::errc()) {
      return false;
    }
  }
  if (negative) value = -value;
  return true;
}

}  // namespace ondol::jinja
