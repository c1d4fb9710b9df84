// Formatting of strings: "%s" % x and "{}".format(x), with the parts of their mini languages that templates use (Python documentation,
// "printf-style String Formatting" and "Format Specification Mini-Language").

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "model/jinja_number.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

// Wider fields than this are an attack, not a layout; the bound also keeps every number in a fixed buffer.
constexpr int64_t kWidest = 1000;
constexpr size_t kNumberBytes = 1400;  // a double has up to 309 digits before the point, a precision adds kWidest

struct Spec {
  char fill = ' ';
  char align = '\0';  // '<', '>', '^', '=', or the type's own
  char sign = '\0';   // '+' or ' '
  bool alternate = false;
  bool grouped = false;
  int64_t width = 0;
  int64_t precision = -1;
  char type = '\0';
};

// Digits at `at`; false if the number is larger than kWidest.
bool take_number(std::string_view text, size_t& at, int64_t& number) {
  for (number = 0; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + (text[at] - '0');
    if (number > kWidest) return false;
  }
  return true;
}

std::unexpected<Error> bad_spec(std::string_view spec) {
  return fail(Code::kInvalidArgument, "the format " + quoted(spec, 40) + " is not supported");
}

std::string digits_of(int64_t value, char type) {
  std::array<char, kNumberBytes> buffer{};
  const char* pattern = type == 'x' ? "%llx" : type == 'X' ? "%llX" : type == 'o' ? "%llo" : "%llu";
  const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::snprintf(buffer.data(), buffer.size(), pattern, static_cast<unsigned long long>(magnitude));
  return buffer.data();
}

std::string group_thousands(const std::string& digits) {
  const size_t whole = std::min(digits.find_first_of(".e"), digits.size());
  std::string out = digits;
  for (size_t at = whole; at > 3;) {
    at -= 3;
    out.insert(at, ",");
  }
  return out;
}

// The digits of a number by its type letter, without the sign. Errors: a letter that does not fit the value.
Result<std::string> number_text(const Value& value, const Spec& spec, bool& negative) {
  const bool integral_type = std::string_view("dixXob").find(spec.type) != std::string_view::npos;
  if (!value.is_number()) {
    return fail(Code::kInvalidArgument,
                "the format '" + std::string(1, spec.type) + "' needs a number, not " + std::string(type_name(value.kind())));
  }
  if (integral_type && spec.type != 'b') {
    const double number = value.as_double();
    if (value.is(Kind::kFloat) && !(std::fabs(number) < 9e18))
      return fail(Code::kInvalidArgument, "a float is too large for an integer format");
    const int64_t integer = value.is(Kind::kFloat) ? static_cast<int64_t>(number) : value.as_int();
    negative = integer < 0;
    return (spec.alternate && (spec.type | 0x20) == 'x' ? "0" + std::string(1, spec.type) : std::string()) + digits_of(integer, spec.type);
  }
  if (std::string_view("eEfFgG%").find(spec.type) == std::string_view::npos) return bad_spec(std::string_view(&spec.type, 1));
  const double number = value.as_double() * (spec.type == '%' ? 100 : 1);
  negative = std::signbit(number) && !std::isnan(number);
  const char pattern[] = {'%', '.', '*', spec.type == '%' ? 'f' : spec.type, '\0'};
  std::array<char, kNumberBytes> buffer{};
  std::snprintf(buffer.data(), buffer.size(), pattern, static_cast<int>(spec.precision < 0 ? 6 : spec.precision), std::fabs(number));
  return std::string(buffer.data()) + (spec.type == '%' ? "%" : "");
}

Status add_padded(Builder& out, std::string_view sign, std::string_view body, const Spec& spec, char natural_align) {
  const char align = spec.align != '\0' ? spec.align : natural_align;
  const auto length = static_cast<int64_t>(count_points(body) + sign.size());
  const auto missing = static_cast<size_t>(std::max<int64_t>(0, spec.width - length));
  const size_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  if (align == '=') ONDOL_TRY_STATUS(out.add(sign));
  ONDOL_TRY_STATUS(out.add(std::string(left, spec.fill)));
  if (align != '=') ONDOL_TRY_STATUS(out.add(sign));
  ONDOL_TRY_STATUS(out.add(body));
  return out.add(std::string(missing - left, spec.fill));
}

Status add_value(Heap& heap, Builder& out, const Value& value, const Spec& spec, char text_align) {
  if (spec.type == '\0' || spec.type == 's' || spec.type == 'r') {
    Builder plain(heap);
    ONDOL_TRY_STATUS(spec.type == 'r' ? append_repr(heap, plain, value) : append_text(heap, plain, value));
    std::string_view text = plain.text();
    if (spec.precision >= 0) text = text.substr(0, byte_offset(text, static_cast<size_t>(spec.precision)));
    return add_padded(out, "", text, spec, text_align);
  }
  bool negative = false;
  ONDOL_TRY_STATUS(heap.step(std::max<int64_t>(spec.precision, 1)));  // about what printf takes for long numbers
  ONDOL_TRY(std::string digits, number_text(value, spec, negative));
  if (spec.grouped) digits = group_thousands(digits);
  const std::string sign = negative ? "-" : spec.sign != '\0' ? std::string(1, spec.sign) : std::string();
  return add_padded(out, sign, digits, spec, '>');
}

// One "%" conversion behind the percent sign at `at`, which is moved behind it. `key` is filled for "%(key)s".
Status parse_percent(std::string_view format, size_t& at, Spec& spec, std::string& key) {
  const size_t start = at;
  if (at < format.size() && format[at] == '(') {
    const size_t close = format.find(')', at);
    if (close == std::string_view::npos) return bad_spec(format.substr(start));
    key = format.substr(at + 1, close - at - 1);
    at = close + 1;
  }
  for (; at < format.size() && std::string_view("-+ 0#").find(format[at]) != std::string_view::npos; ++at) {
    if (format[at] == '-') spec.align = '<';
    if (format[at] == '+' || (format[at] == ' ' && spec.sign == '\0')) spec.sign = format[at];
    if (format[at] == '#') spec.alternate = true;
    if (format[at] == '0' && spec.align == '\0') {
      spec.fill = '0';
      spec.align = '=';
    }
  }
  if (!take_number(format, at, spec.width)) return bad_spec(format.substr(start));
  if (at < format.size() && format[at] == '.' && !take_number(format, ++at, spec.precision)) return bad_spec(format.substr(start));
  if (at >= format.size() || std::string_view("sdiuxXoeEfFgGr%").find(format[at]) == std::string_view::npos) {
    return bad_spec(format.substr(start));
  }
  spec.type = format[at] == 'i' || format[at] == 'u' ? 'd' : format[at];
  ++at;
  if (spec.fill == '0' && (spec.align == '<' || spec.type == 's' || spec.type == 'r')) spec.fill = ' ';
  if (spec.align == '=' && (spec.type == 's' || spec.type == 'r')) spec.align = '>';
  return {};
}

// "[[fill]align][sign][#][0][width][,][.precision][type]".
Result<Spec> parse_brace_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto is_align = [&](size_t i) { return i < text.size() && std::string_view("<>^=").find(text[i]) != std::string_view::npos; };
  if (is_align(1)) spec.fill = text[at++];
  if (is_align(at)) spec.align = text[at++];
  if (at < text.size() && (text[at] == '+' || text[at] == ' ' || text[at] == '-')) spec.sign = text[at] == '-' ? '\0' : text[at], ++at;
  if (at < text.size() && text[at] == '#') spec.alternate = true, ++at;
  if (at < text.size() && text[at] == '0') {
    if (spec.align == '\0') spec.fill = '0', spec.align = '=';
    ++at;
  }
  if (!take_number(text, at, spec.width)) return bad_spec(text);
  if (at < text.size() && text[at] == ',') spec.grouped = true, ++at;
  if (at < text.size() && text[at] == '.' && !take_number(text, ++at, spec.precision)) return bad_spec(text);
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size() || (spec.type != '\0' && std::string_view("sdxXoeEfFgG%").find(spec.type) == std::string_view::npos))
    return bad_spec(text);
  return spec;
}

}  // namespace

Result<Value> percent_format(Heap& heap, const std::string& format, const Value& arguments) {
  const bool tuple = arguments.is(Kind::kTuple);
  size_t next = 0;
  const std::string_view text = format;
  Builder out(heap);
  for (size_t at = 0; at < text.size();) {
    const size_t percent = std::min(text.find('%', at), text.size());
    ONDOL_TRY_STATUS(out.add(text.substr(at, percent - at)));
    if (percent == text.size()) break;
    at = percent + 1;
    Spec spec;
    std::string key;
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY_STATUS(parse_percent(text, at, spec, key));
    if (spec.type == '%') {
      ONDOL_TRY_STATUS(out.add("%"));
      continue;
    }
    Value value = arguments;
    if (!key.empty()) {
      const Value* found = arguments.is(Kind::kDict) ? arguments.dict().find(key) : nullptr;
      if (found == nullptr) return fail(Code::kInvalidArgument, "the format's key " + quoted(key) + " is missing");
      value = *found;
    } else if (tuple || next > 0) {
      const size_t count = tuple ? arguments.sequence().items.size() : 1;
      if (next >= count) return fail(Code::kInvalidArgument, "the format needs more than " + std::to_string(count) + " values");
      value = arguments.sequence().items[next];
    }
    ++next;
    ONDOL_TRY_STATUS(add_value(heap, out, value, spec, '>'));
  }
  if (tuple ? next < arguments.sequence().items.size()
            : next == 0 && !arguments.is(Kind::kDict) && !arguments.is(Kind::kList) && !arguments.is_undefined()) {
    return fail(Code::kInvalidArgument, "the format does not use all of its values");
  }
  return out.finish();
}

Result<Value> brace_format(Heap& heap, const std::string& format, const Arguments& arguments) {
  const std::string_view text = format;
  size_t next = 0;
  Builder out(heap);
  for (size_t at = 0; at < text.size();) {
    const size_t brace = std::min(text.find_first_of("{}", at), text.size());
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY_STATUS(out.add(text.substr(at, brace - at)));
    if (brace == text.size()) break;
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      ONDOL_TRY_STATUS(out.add(text.substr(brace, 1)));
      at = brace + 2;
      continue;
    }
    const size_t close = text.find('}', brace);
    if (text[brace] == '}' || close == std::string_view::npos) return bad_spec(text.substr(brace));
    const std::string_view field = text.substr(brace + 1, close - brace - 1);
    at = close + 1;
    const size_t name_end = std::min(field.find_first_of("!:"), field.size());
    const std::string_view name = field.substr(0, name_end);
    std::string_view rest = field.substr(name_end);
    const bool repr = rest.starts_with("!r");
    if (repr || rest.starts_with("!s")) rest.remove_prefix(2);
    if (!rest.empty() && rest[0] != ':') return bad_spec(field);
    ONDOL_TRY(Spec spec, parse_brace_spec(rest.empty() ? rest : rest.substr(1)));
    int64_t index = 0;
    Value value;
    bool found = false;
    if (name.empty() || parse_integer(name, 10, index)) {
      const size_t place = name.empty() ? next++ : static_cast<size_t>(index);
      found = index >= 0 && place < arguments.positional.size();
      if (found) value = arguments.positional[place];
    }
    for (const auto& [given, named] : arguments.named) {
      if (found || given.bytes() != name) continue;
      value = named;
      found = true;
    }
    if (!found) return fail(Code::kInvalidArgument, "format: nothing was given for the field " + quoted(field, 40));
    if (repr) spec.type = 'r';
    if (spec.type == '\0' && rest.size() > 1 && value.is_integral()) spec.type = 'd';
    if (spec.type == '\0' && spec.precision >= 0 && value.is(Kind::kFloat)) spec.type = 'g';
    ONDOL_TRY_STATUS(add_value(heap, out, value, spec, value.is_number() ? '>' : '<'));
  }
  return out.finish();
}

}  // namespace ondol::jinja
