#include "model/jinja_builtins.h"

#include <ctime>

#include "model/jinja_ops.h"
#include "model/jinja_print.h"

namespace ondol::jinja {

Status bind_arguments(std::string_view function, const Arguments& arguments, const std::string_view* names, Value* values, size_t count) {
  const std::string who(function);
  if (arguments.positional.size() > count) {
    return fail(Code::kInvalidArgument,
                who + " takes at most " + std::to_string(count) + " arguments, got " + std::to_string(arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values[i] = arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    size_t at = 0;
    while (at < count && names[at] != name.bytes()) ++at;
    if (at == count) return fail(Code::kInvalidArgument, who + " has no argument " + quoted(name.bytes()));
    if (at < arguments.positional.size()) return fail(Code::kInvalidArgument, who + " got two values for " + quoted(name.bytes()));
    values[at] = value;
  }
  return {};
}

Result<int64_t> integer_argument(std::string_view function, const Value& value, int64_t fallback) {
  if (value.is_undefined()) return fallback;
  if (value.is_integral()) return value.as_int();
  return fail(Code::kInvalidArgument, std::string(function) + " needs an int, not " + std::string(type_name(value.kind())));
}

Result<std::string_view> text_argument(std::string_view function, const Value& value, std::string_view fallback) {
  if (value.is_undefined()) return fallback;
  if (value.is(Kind::kString)) return std::string_view(value.bytes());
  return fail(Code::kInvalidArgument, std::string(function) + " needs a str, not " + std::string(type_name(value.kind())));
}

FilterFn find_filter(std::string_view name) {
  for (const auto& table : {text_filters(), sequence_filters()}) {
    for (const FilterEntry& entry : table) {
      if (entry.name == name) return entry.function;
    }
  }
  return nullptr;
}

bool find_global(std::string_view name, Global& global) {
  static constexpr std::pair<std::string_view, Global> kGlobals[] = {{"raise_exception", Global::kRaiseException},
                                                                     {"strftime_now", Global::kStrftimeNow},
                                                                     {"namespace", Global::kNamespace},
                                                                     {"range", Global::kRange},
                                                                     {"dict", Global::kDict}};
  for (const auto& [known, id] : kGlobals) {
    if (known != name) continue;
    global = id;
    return true;
  }
  return false;
}

namespace {

// strftime in UTC. Only plain directives: a width could ask for megabytes of padding.
Result<Value> strftime_now(Heap& heap, std::string_view format, int64_t now_unix_s) {
  static constexpr std::string_view kDirectives = "aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%";
  const auto now = static_cast<time_t>(now_unix_s);
  std::tm parts{};
  if (gmtime_r(&now, &parts) == nullptr) return fail(Code::kInvalidArgument, "strftime_now cannot represent the current time");
  Builder out(heap);
  for (size_t at = 0; at < format.size();) {
    ONDOL_TRY_STATUS(heap.step());
    size_t length = format[at] == '%' ? 2 : 1;
    if (length == 2 && at + 2 < format.size() && format[at + 1] == '-') length = 3;  // "%-d": not padded
    const std::string directive(format.substr(at, length));
    at += directive.size();
    if (directive[0] != '%' || directive.size() < 2 || kDirectives.find(directive.back()) == std::string_view::npos) {
      ONDOL_TRY_STATUS(out.add(directive));
      continue;
    }
    char buffer[128];
    const size_t written = std::strftime(buffer, sizeof(buffer), directive.c_str(), &parts);
    ONDOL_TRY_STATUS(out.add(std::string_view(buffer, written)));
  }
  return out.finish();
}

Result<Value> range(Heap& heap, const Arguments& arguments) {
  const auto& given = arguments.positional;
  if (given.empty() || given.size() > 3 || !arguments.named.empty())
    return fail(Code::kInvalidArgument, "range takes one to three integers");
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < given.size(); ++i) {
    ONDOL_TRY(numbers[given.size() == 1 ? 1 : i], integer_argument("range", given[i], 0));
  }
  const auto [begin, end, stride] = numbers;
  if (stride == 0) return fail(Code::kInvalidArgument, "range needs a step that is not zero");
  std::vector<Value> items;
  for (int64_t at = begin; stride > 0 ? at < end : at > end;) {
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY_STATUS(heap.room_for((items.size() + 1) * sizeof(Value)));
    items.push_back(Value::integer(at));
    if (__builtin_add_overflow(at, stride, &at)) break;
  }
  return heap.list(std::move(items));
}

// dict() and namespace(): a mapping or pairs, then named members.
Result<Value> mapping(Heap& heap, Kind kind, const Arguments& arguments) {
  ONDOL_TRY(Value result, heap.dict(kind));
  const std::string who(type_name(kind));
  if (arguments.positional.size() > 1) return fail(Code::kInvalidArgument, who + " takes at most one positional argument");
  for (const Value& source : arguments.positional) {
    if (source.is(Kind::kDict)) {
      for (const auto& [key, value] : source.dict().entries) {
        ONDOL_TRY_STATUS(heap.step());
        ONDOL_TRY_STATUS(result.dict().set(key, value));
      }
      continue;
    }
    ONDOL_TRY(const Value pairs, iterate(heap, source));
    for (const Value& pair : pairs.sequence().items) {
      ONDOL_TRY_STATUS(heap.step());
      if (!pair.is_sequence() || pair.sequence().items.size() != 2 || !hashable(pair.sequence().items[0])) {
        return fail(Code::kInvalidArgument, who + " needs a mapping or pairs of key and value");
      }
      ONDOL_TRY_STATUS(result.dict().set(pair.sequence().items[0], pair.sequence().items[1]));
    }
  }
  for (const auto& [name, value] : arguments.named) ONDOL_TRY_STATUS(result.dict().set(name, value));
  return result;
}

}  // namespace

Result<Value> call_global(Heap& heap, Global global, const Arguments& arguments, int64_t now_unix_s) {
  switch (global) {
    case Global::kRaiseException: {
      ONDOL_TRY(const auto given, bind("raise_exception", arguments, {"message"}));
      ONDOL_TRY(const Value message, to_text(heap, given[0]));
      constexpr size_t kMessageBytes = 400;  // a message of the template's author, not a place for data
      return fail(Code::kInvalidArgument, "the template refuses this conversation: " + quoted(message.bytes(), kMessageBytes));
    }
    case Global::kStrftimeNow: {
      ONDOL_TRY(const auto given, bind("strftime_now", arguments, {"format"}));
      ONDOL_TRY(const std::string_view format, text_argument("strftime_now", given[0], ""));
      return strftime_now(heap, format, now_unix_s);
    }
    case Global::kRange: return range(heap, arguments);
    case Global::kNamespace: return mapping(heap, Kind::kNamespace, arguments);
    case Global::kDict: return mapping(heap, Kind::kDict, arguments);
  }
  return fail(Code::kInternal, "unknown global");
}

Result<Value> call_method(Heap& heap, const Value& self, const Value& name, const Arguments& arguments) {
  if (self.is(Kind::kString)) return call_text_method(heap, self, name.bytes(), arguments);
  return call_container_method(heap, self, name.bytes(), arguments);
}

bool has_method(Kind kind, std::string_view name) {
  const auto listed = [&](std::string_view names) {
    // Each name stands between spaces.
    for (size_t at = names.find(name); at != std::string_view::npos; at = names.find(name, at + 1)) {
      if (names[at - 1] == ' ' && names[at + name.size()] == ' ') return true;
    }
    return false;
  };
  if (name.empty() || name.find(' ') != std::string_view::npos) return false;
  switch (kind) {
    case Kind::kString:
      return listed(
          " capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha isascii isdecimal "
          "isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip maketrans partition "
          "removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title "
          "translate upper zfill ");
    case Kind::kList: return listed(" append clear copy count extend index insert pop remove reverse sort ");
    case Kind::kTuple: return listed(" count index ");
    case Kind::kDict: return listed(" clear copy fromkeys get items keys pop popitem setdefault update values ");
    default: return false;
  }
}

}  // namespace ondol::jinja
