// Filters on one value: text, numbers, JSON.

#include <array>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "model/jinja_builtins.h"
#include "model/jinja_from_json.h"
#include "model/jinja_number.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

// Case mappings may triple the text and work in UTF-16 beside it.
constexpr size_t kMappingFactor = 8;

// Jinja's own title: words begin after white space, dashes and opening brackets.
std::string title_words(std::string_view text) {
  std::string out;
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    const std::string_view word = text.substr(begin, end - begin);
    size_t rest = 0;
    if (!word.empty()) next_point(word, rest);
    out += upper(word.substr(0, rest)) + lower(word.substr(rest));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t point = next_point(text, at);
    if (!is_space(point) && point != '-' && point != '(' && point != '{' && point != '[' && point != '<') continue;
    flush(start);
    out += text.substr(start, at - start);
    begin = at;
  }
  flush(text.size());
  return out;
}

template <std::string (*map)(std::string_view)>
Result<Value> mapped(Heap& heap, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() || !arguments.named.empty()) return fail(Code::kInvalidArgument, "this filter takes no arguments");
  ONDOL_TRY(const Value text, to_text(heap, input));
  ONDOL_TRY_STATUS(heap.room_for(text.bytes().size() * kMappingFactor));
  ONDOL_TRY_STATUS(heap.step_bytes(text.bytes().size() * kMappingFactor));
  if (map == &title_words) ONDOL_TRY_STATUS(heap.step_mappings(text.bytes().size()));
  return heap.text(map(text.bytes()));
}

Result<Value> trim(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const Value text, to_text(heap, input));
  return call_text_method(heap, text, "strip", arguments);
}

Result<Value> replace(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("replace", arguments, {"old", "new", "count"}));
  Arguments texts;
  ONDOL_TRY(const Value text, to_text(heap, input));
  for (size_t i = 0; i < 2; ++i) {
    ONDOL_TRY(Value piece, to_text(heap, given[i]));
    texts.positional.push_back(std::move(piece));
  }
  if (!given[2].is_undefined() && !given[2].is(Kind::kNone)) texts.positional.push_back(given[2]);
  return call_text_method(heap, text, "replace", texts);
}

Result<Value> indent(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("indent", arguments, {"width", "first", "blank"}));
  if (input.is_undefined()) return fail(Code::kInvalidArgument, "indent: " + input.undefined_message());
  ONDOL_TRY(const std::string_view text, text_argument("indent", input, ""));
  std::string margin = "    ";
  if (given[0].is(Kind::kString)) {
    margin = given[0].bytes();
  } else {
    ONDOL_TRY(const int64_t width, integer_argument("indent", given[0], 4));
    ONDOL_TRY_STATUS(heap.room_for(width > 0 ? static_cast<size_t>(width) : 0));
    margin.assign(width > 0 ? static_cast<size_t>(width) : 0, ' ');
  }
  Builder out(heap);
  if (truthy(given[1])) ONDOL_TRY_STATUS(out.add(margin));
  ONDOL_TRY(const Value lines, call_text_method(heap, input, "splitlines", {}));
  const auto& items = lines.sequence().items;
  for (size_t i = 0; i < items.size(); ++i) {
    ONDOL_TRY_STATUS(heap.step());
    if (i > 0) ONDOL_TRY_STATUS(out.add("\n"));
    if (i > 0 && (truthy(given[2]) || !items[i].bytes().empty())) ONDOL_TRY_STATUS(out.add(margin));
    ONDOL_TRY_STATUS(out.add(items[i].bytes()));
  }
  // A line end at the very end begins one more, empty line.
  if (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    ONDOL_TRY_STATUS(out.add("\n"));
    if (truthy(given[2])) ONDOL_TRY_STATUS(out.add(margin));
  }
  return out.finish();
}

Result<Value> to_integer(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("int", arguments, {"default", "base"}));
  const Value fallback = given[0].is_undefined() ? Value::integer(0) : given[0];
  ONDOL_TRY(const int64_t base, integer_argument("int", given[1], 10));
  if (input.is_undefined()) return fail(Code::kInvalidArgument, input.undefined_message());
  if (input.is_integral()) return Value::integer(input.as_int());
  double number = 0;
  if (input.is(Kind::kString)) {
    ONDOL_TRY_STATUS(heap.step_points(input.bytes().size()));
    int64_t integer = 0;
    if (parse_integer(input.bytes(), base, integer)) return Value::integer(integer);
    if (!parse_float(input.bytes(), number)) return fallback;
  } else if (input.is(Kind::kFloat)) {
    number = input.as_double();
  } else {
    return fallback;
  }
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (!std::isfinite(number)) return fallback;
  if (number >= kTwoTo63 || number < -kTwoTo63) return fail(Code::kInvalidArgument, "int: the number does not fit 64 bits");
  return Value::integer(static_cast<int64_t>(number));
}

Result<Value> to_float(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("float", arguments, {"default"}));
  const Value fallback = given[0].is_undefined() ? Value::number(0) : given[0];
  if (input.is_undefined()) return fail(Code::kInvalidArgument, input.undefined_message());
  if (input.is_number()) return Value::number(input.as_double());
  if (input.is(Kind::kString)) ONDOL_TRY_STATUS(heap.step_points(input.bytes().size()));
  double number = 0;
  return input.is(Kind::kString) && parse_float(input.bytes(), number) ? Value::number(number) : fallback;
}

Result<Value> absolute(Heap&, const Value& input, const Arguments&) {
  if (input.is(Kind::kFloat)) return Value::number(std::fabs(input.as_double()));
  ONDOL_TRY(const Value negative, negate(input));
  return input.as_int() < 0 ? negative : Value::integer(input.as_int());
}

Result<Value> round_number(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("round", arguments, {"precision", "method"}));
  ONDOL_TRY(const int64_t precision, integer_argument("round", given[0], 0));
  ONDOL_TRY(const std::string_view method, text_argument("round", given[1], "common"));
  if (!input.is_number()) return fail(Code::kInvalidArgument, "round needs a number, not " + std::string(type_name(input.kind())));
  constexpr int64_t kDigits = 308;  // of the largest double
  if (precision > kDigits || precision < -kDigits) return fail(Code::kInvalidArgument, "round: the precision is out of range");
  const double number = input.as_double();
  if (method == "ceil" || method == "floor") {
    const double scale = std::pow(10.0, static_cast<double>(precision));
    return Value::number((method == "ceil" ? std::ceil(number * scale) : std::floor(number * scale)) / scale);
  }
  if (method != "common") return fail(Code::kInvalidArgument, "round: the method must be \"common\", \"ceil\" or \"floor\"");
  if (input.is_integral() && precision >= 0) return Value::integer(input.as_int());
  if (!std::isfinite(number)) return input;
  if (precision < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    const double rounded = std::nearbyint(number / scale) * scale;
    return input.is_integral() ? Value::integer(static_cast<int64_t>(rounded)) : Value::number(rounded);
  }
  ONDOL_TRY_STATUS(heap.step(precision));  // about what printf takes for long numbers
  // Decimal rounding of the exact binary value, ties to even, which is what printf does.
  std::array<char, 700> digits{};
  std::snprintf(digits.data(), digits.size(), "%.*f", static_cast<int>(precision), number);
  return Value::number(std::strtod(digits.data(), nullptr));
}

Result<Value> to_string(Heap& heap, const Value& input, const Arguments&) { return to_text(heap, input); }

Result<Value> escape(Heap& heap, const Value& input, const Arguments&) {
  ONDOL_TRY(const Value text, to_text(heap, input));
  ONDOL_TRY_STATUS(heap.step_points(text.bytes().size()));
  Builder out(heap);
  for (const char& c : text.bytes()) {
    const std::string_view piece = c == '&'    ? "&amp;"
                                   : c == '<'  ? "&lt;"
                                   : c == '>'  ? "&gt;"
                                   : c == '"'  ? "&#34;"
                                   : c == '\'' ? "&#39;"
                                               : std::string_view(&c, 1);
    ONDOL_TRY_STATUS(out.add(piece));
  }
  return out.finish();
}

Result<Value> fallback_value(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("default", arguments, {"default_value", "boolean"}));
  if (!input.is_undefined() && !(truthy(given[1]) && !truthy(input))) return input;
  if (given[0].is_undefined() && arguments.positional.empty()) return heap.text({});
  return given[0];
}

Result<Value> count(Heap&, const Value& input, const Arguments&) {
  ONDOL_TRY(const int64_t size, length(input));
  return Value::integer(size);
}

Result<Value> to_json(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ensure_ascii = truthy(given[0]);
  style.sort_keys = truthy(given[3]);
  if (given[1].is(Kind::kString)) {
    style.indented = true;
    style.indent = given[1].bytes();
  } else if (!given[1].is(Kind::kNone) && !given[1].is_undefined()) {
    ONDOL_TRY(const int64_t width, integer_argument("tojson: indent", given[1], 0));
    constexpr int64_t kWidest = 1000;
    if (width > kWidest)
      return fail(Code::kInvalidArgument, "tojson: an indent of " + std::to_string(width) + " is more than " + std::to_string(kWidest));
    style.indented = true;
    style.indent.assign(width > 0 ? static_cast<size_t>(width) : 0, ' ');
  }
  if (style.indented) style.item_separator = ",";
  if (given[2].is_sequence()) {
    const auto& separators = given[2].sequence().items;
    if (separators.size() != 2 || !separators[0].is(Kind::kString) || !separators[1].is(Kind::kString)) {
      return fail(Code::kInvalidArgument, "tojson: separators must be two strings");
    }
    style.item_separator = separators[0].bytes();
    style.key_separator = separators[1].bytes();
  }
  Builder out(heap);
  ONDOL_TRY_STATUS(append_json(heap, out, input, style));
  return out.finish();
}

// Not Jinja's: templates written for other engines read arguments that come as text with it.
Result<Value> parse_json(Heap& heap, const Value& input, const Arguments&) {
  if (!input.is(Kind::kString)) {
    return fail(Code::kInvalidArgument, "from_json needs a str, not " + std::string(type_name(input.kind())));
  }
  ONDOL_TRY_STATUS(heap.step_points(input.bytes().size()));
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(input.bytes(), error);
  if (error) return fail(Code::kInvalidArgument, "from_json: the text is not valid JSON: " + quoted(input.bytes(), 40));
  return from_json(heap, json);
}

Result<Value> format(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const Value text, to_text(heap, input));
  ONDOL_TRY(Value values, heap.list(arguments.positional, Kind::kTuple));
  if (!arguments.named.empty()) {
    ONDOL_TRY(values, heap.dict());
    for (const auto& [name, value] : arguments.named) ONDOL_TRY_STATUS(values.dict().set(name, value));
  }
  return percent_format(heap, text.bytes(), values);
}

}  // namespace

std::span<const FilterEntry> text_filters() {
  static constexpr FilterEntry kFilters[] = {
      {"abs", absolute},
      {"capitalize", mapped<capitalize>},
      {"count", count},
      {"d", fallback_value},
      {"default", fallback_value},
      {"e", escape},
      {"escape", escape},
      {"float", to_float},
      {"format", format},
      {"from_json", parse_json},
      {"indent", indent},
      {"int", to_integer},
      {"length", count},
      {"lower", mapped<lower>},
      {"replace", replace},
      {"round", round_number},
      {"safe", to_string},
      {"string", to_string},
      {"title", mapped<title_words>},
      {"tojson", to_json},
      {"trim", trim},
      {"upper", mapped<upper>},
  };
  return kFilters;
}

}  // namespace ondol::jinja
