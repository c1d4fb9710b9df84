// Methods of str that give text, numbers or booleans; those that cut it in pieces are in jinja_split.cc.

#include <algorithm>

#include "model/jinja_builtins.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"
#include "model/jinja_split.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

using MethodFn = Result<Value> (*)(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments);

// Case mappings may triple the text and work in UTF-16 beside it.
constexpr size_t kMappingFactor = 8;

Result<Value> change_case(Heap& heap, const Value& self, std::string_view name, const Arguments&) {
  const std::string& text = self.bytes();
  ONDOL_TRY_STATUS(heap.room_for(text.size() * kMappingFactor));
  ONDOL_TRY_STATUS(heap.step_bytes(text.size() * kMappingFactor));
  if (name == "title" || name == "swapcase") ONDOL_TRY_STATUS(heap.step_mappings(text.size()));
  if (name == "upper") return heap.text(upper(text));
  if (name == "capitalize") return heap.text(capitalize(text));
  if (name == "title") return heap.text(title(text));
  if (name == "swapcase") return heap.text(swap_case(text));
  return heap.text(lower(text));
}

Result<Value> strip_ends(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"chars"}));
  const bool white = given[0].is_undefined() || given[0].is(Kind::kNone);
  std::string_view chars;
  if (!white) {
    ONDOL_TRY(chars, text_argument(name, given[0], ""));
  }
  std::string_view text = self.bytes();
  ONDOL_TRY_STATUS(heap.step_points(chars.size()));
  if (name != "rstrip") text = white ? strip_left(text) : strip_left(text, chars);
  if (name != "lstrip") text = white ? strip_right(text) : strip_right(text, chars);
  // What was taken off has been looked at, each code point beside all of `chars`.
  ONDOL_TRY_STATUS(heap.step_points((self.bytes().size() - text.size()) * (chars.size() + 1)));
  ONDOL_TRY_STATUS(heap.step_bytes(text.size()));
  return heap.text(std::string(text));
}

// The part of the text between the code points `begin` and `end` (as in a slice), and where it begins.
struct Window {
  std::string_view text;
  int64_t begin = 0;
  bool exists = true;  // false if it begins behind the end of the text
};
Result<Window> window(Heap& heap, std::string_view name, const Text& text, const Value& begin, const Value& end) {
  Window out{.text = text.bytes};
  const Value nothing;
  ONDOL_TRY(int64_t from, integer_argument(name, begin.is(Kind::kNone) ? nothing : begin, 0));
  ONDOL_TRY(int64_t to, integer_argument(name, end.is(Kind::kNone) ? nothing : end, INT64_MAX));
  if (from == 0 && to == INT64_MAX) return out;
  const int64_t size = text.length();
  ONDOL_TRY_STATUS(heap.step_bytes(text.bytes.size()));
  if (from < 0) from = std::max<int64_t>(0, from < -size ? 0 : from + size);
  if (to < 0) to = std::max<int64_t>(0, to < -size ? 0 : to + size);
  to = std::min(to, size);
  if (from > size || from > to) return Window{.text = {}, .begin = 0, .exists = false};
  const size_t first = byte_offset(text.bytes, static_cast<size_t>(from));
  out.text = out.text.substr(first);
  out.text = out.text.substr(0, byte_offset(out.text, static_cast<size_t>(to - from)));
  out.begin = from;
  return out;
}

Result<Value> has_end(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"prefix", "start", "end"}));
  ONDOL_TRY(const Window part, window(heap, name, self.text(), given[1], given[2]));
  const auto matches = [&](std::string_view affix) {
    return part.exists && (name == "startswith" ? part.text.starts_with(affix) : part.text.ends_with(affix));
  };
  if (!given[0].is(Kind::kTuple)) {
    ONDOL_TRY(const std::string_view affix, text_argument(name, given[0], ""));
    return Value::boolean(matches(affix));
  }
  for (const Value& candidate : given[0].sequence().items) {
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY(const std::string_view affix, text_argument(name, candidate, ""));
    if (matches(affix)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Result<Value> locate(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"sub", "start", "end"}));
  ONDOL_TRY(const std::string_view wanted, text_argument(name, given[0], ""));
  ONDOL_TRY(const Window part, window(heap, name, self.text(), given[1], given[2]));
  const bool from_right = name == "rfind" || name == "rindex";
  ONDOL_TRY_STATUS(step_search(heap, part.text, wanted, from_right));
  size_t at = std::string_view::npos;
  if (part.exists) at = from_right ? part.text.rfind(wanted) : find_text(part.text, wanted);
  if (at != std::string_view::npos) return Value::integer(part.begin + static_cast<int64_t>(count_points(part.text.substr(0, at))));
  if (name == "find" || name == "rfind") return Value::integer(-1);
  return fail(Code::kInvalidArgument, std::string(name) + ": the substring " + quoted(wanted) + " was not found");
}

Result<Value> count(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"sub", "start", "end"}));
  ONDOL_TRY(const std::string_view wanted, text_argument(name, given[0], ""));
  ONDOL_TRY(const Window part, window(heap, name, self.text(), given[1], given[2]));
  ONDOL_TRY_STATUS(step_search(heap, part.text, wanted, false));
  if (!part.exists) return Value::integer(0);
  if (wanted.empty()) return Value::integer(static_cast<int64_t>(count_points(part.text)) + 1);
  int64_t found = 0;
  for (size_t at = find_text(part.text, wanted); at != std::string_view::npos; at = find_text(part.text, wanted, at + wanted.size()))
    ++found;
  return Value::integer(found);
}

Result<Value> replace(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"old", "new", "count"}));
  ONDOL_TRY(const std::string_view from, text_argument(name, given[0], ""));
  ONDOL_TRY(const std::string_view to, text_argument(name, given[1], ""));
  ONDOL_TRY(int64_t left, integer_argument(name, given[2], -1));
  const std::string_view text = self.bytes();
  ONDOL_TRY_STATUS(step_search(heap, text, from, false));
  Builder out(heap);
  size_t at = 0;
  for (; left != 0 && at <= text.size(); --left) {
    ONDOL_TRY_STATUS(heap.step());
    const size_t found = find_text(text, from, at);
    if (found == std::string_view::npos) break;
    ONDOL_TRY_STATUS(out.add(text.substr(at, found - at)));
    ONDOL_TRY_STATUS(out.add(to));
    at = found + from.size();
    if (!from.empty()) continue;
    // An empty pattern matches before every code point and at the end.
    if (found == text.size()) break;
    size_t next = found;
    next_point(text, next);
    ONDOL_TRY_STATUS(out.add(text.substr(found, next - found)));
    at = next;
  }
  ONDOL_TRY_STATUS(out.add(text.substr(std::min(at, text.size()))));
  return out.finish();
}

Result<Value> join(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"iterable"}));
  ONDOL_TRY(const Value list, iterate(heap, given[0]));
  Builder out(heap);
  bool first = true;
  for (const Value& piece : list.sequence().items) {
    ONDOL_TRY_STATUS(heap.step());
    if (!std::exchange(first, false)) ONDOL_TRY_STATUS(out.add(self.bytes()));
    if (!piece.is(Kind::kString)) {
      return fail(Code::kInvalidArgument, "join needs a list of str, found " + std::string(type_name(piece.kind())));
    }
    ONDOL_TRY_STATUS(out.add(piece.bytes()));
  }
  return out.finish();
}

Result<Value> pad(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"width", "fillchar"}));
  ONDOL_TRY(const int64_t width, integer_argument(name, given[0], 0));
  ONDOL_TRY(const std::string_view fill, text_argument(name, given[1], name == "zfill" ? "0" : " "));
  if (count_points(fill) != 1) return fail(Code::kInvalidArgument, std::string(name) + " needs one character to fill with");
  std::string_view text = self.bytes();
  const int64_t length = self.text().length();
  const int64_t missing = width > length ? width - length : 0;
  ONDOL_TRY_STATUS(heap.room_for(static_cast<size_t>(std::min<int64_t>(missing, INT64_MAX / 8)) * fill.size()));
  // Python's center puts the odd one left only if the width is odd.
  const int64_t left = name == "ljust" ? 0 : name == "center" ? missing / 2 + (missing & width & 1) : missing;
  Builder out(heap);
  if (name == "zfill" && !text.empty() && (text[0] == '-' || text[0] == '+')) {
    ONDOL_TRY_STATUS(out.add(text.substr(0, 1)));
    text.remove_prefix(1);
  }
  for (int64_t i = 0; i < left; ++i) ONDOL_TRY_STATUS(out.add(fill));
  ONDOL_TRY_STATUS(out.add(text));
  for (int64_t i = left; i < missing; ++i) ONDOL_TRY_STATUS(out.add(fill));
  return out.finish();
}

Result<Value> remove_affix(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"affix"}));
  ONDOL_TRY(const std::string_view affix, text_argument(name, given[0], ""));
  std::string_view text = self.bytes();
  if (name == "removeprefix" && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (name == "removesuffix" && text.ends_with(affix)) text.remove_suffix(affix.size());
  return heap.text(std::string(text));
}

Result<Value> classify(Heap& heap, const Value& self, std::string_view name, const Arguments&) {
  static constexpr std::pair<std::string_view, CharClass> kClasses[] = {{"isalnum", CharClass::kAlnum},     {"isalpha", CharClass::kAlpha},
                                                                        {"isdecimal", CharClass::kDecimal}, {"isdigit", CharClass::kDigit},
                                                                        {"isnumeric", CharClass::kNumeric}, {"isspace", CharClass::kSpace},
                                                                        {"isupper", CharClass::kUpper},     {"islower", CharClass::kLower}};
  ONDOL_TRY_STATUS(heap.step_points(self.bytes().size()));
  if (name == "isascii") return Value::boolean(self.text().ascii());
  for (const auto& [known, wanted] : kClasses) {
    if (known == name) return Value::boolean(all_of_class(self.bytes(), wanted));
  }
  return fail(Code::kInternal, "unknown character class");
}

Result<Value> format(Heap& heap, const Value& self, std::string_view, const Arguments& arguments) {
  return brace_format(heap, self.bytes(), arguments);
}

// Python's str methods take no undefined values; here those would pass for arguments that were left out.
Status refuse_undefined(std::string_view method, const Arguments& arguments) {
  const auto check = [&](const Value& value) -> Status {
    if (value.is_undefined()) return fail(Code::kInvalidArgument, std::string(method) + ": " + value.undefined_message());
    return {};
  };
  for (const Value& value : arguments.positional) ONDOL_TRY_STATUS(check(value));
  for (const auto& named : arguments.named) ONDOL_TRY_STATUS(check(named.second));
  return {};
}

struct MethodEntry {
  std::string_view name;
  MethodFn function;
  size_t required = 0;  // arguments
};

constexpr MethodEntry kMethods[] = {
    {"capitalize", change_case, 0},
    {"casefold", change_case, 0},
    {"center", pad, 1},
    {"count", count, 1},
    {"endswith", has_end, 1},
    {"find", locate, 1},
    {"format", format, 0},
    {"index", locate, 1},
    {"isalnum", classify, 0},
    {"isalpha", classify, 0},
    {"isascii", classify, 0},
    {"isdecimal", classify, 0},
    {"isdigit", classify, 0},
    {"islower", classify, 0},
    {"isnumeric", classify, 0},
    {"isspace", classify, 0},
    {"isupper", classify, 0},
    {"join", join, 1},
    {"ljust", pad, 1},
    {"lower", change_case, 0},
    {"lstrip", strip_ends, 0},
    {"partition", partition, 1},
    {"removeprefix", remove_affix, 1},
    {"removesuffix", remove_affix, 1},
    {"replace", replace, 2},
    {"rfind", locate, 1},
    {"rindex", locate, 1},
    {"rjust", pad, 1},
    {"rpartition", partition, 1},
    {"rsplit", split, 0},
    {"rstrip", strip_ends, 0},
    {"split", split, 0},
    {"splitlines", split_lines, 0},
    {"startswith", has_end, 1},
    {"strip", strip_ends, 0},
    {"swapcase", change_case, 0},
    {"title", change_case, 0},
    {"upper", change_case, 0},
    {"zfill", pad, 1},
};

}  // namespace

Result<Value> call_text_method(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY_STATUS(heap.step());
  for (const MethodEntry& method : kMethods) {
    if (method.name != name) continue;
    if (arguments.positional.size() + arguments.named.size() < method.required) {
      return fail(Code::kInvalidArgument, std::string(name) + " needs at least " + std::to_string(method.required) + " arguments");
    }
    if (name != "format" && name != "join") ONDOL_TRY_STATUS(refuse_undefined(name, arguments));
    return method.function(heap, self, name, arguments);
  }
  return fail(Code::kUnimplemented, "the method " + quoted(name) + " of str is not supported");
}

}  // namespace ondol::jinja
