// Filters on sequences and mappings. What Jinja makes a generator is a list here.

#include <algorithm>

#include "model/jinja_builtins.h"
#include "model/jinja_number.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"
#include "model/jinja_sort.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

// value.a.b.0 for a path "a.b.0" (or a number); undefined gives the value itself.
Result<Value> follow(Heap& heap, const Value& value, const Value& path, const Value& fallback = {}) {
  if (path.is_undefined() || path.is(Kind::kNone)) return value;
  if (!path.is(Kind::kString)) return item(heap, value, path);
  Value current = value;
  const std::string& names = path.bytes();
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find('.', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    begin = end + 1;
    const bool number = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    int64_t index = 0;
    Value key;
    if (number && parse_integer(name, 10, index)) {
      key = Value::integer(index);
    } else {
      ONDOL_TRY(key, heap.text(name));
    }
    ONDOL_TRY(current, item(heap, current, key));
    if (current.is_undefined() && !fallback.is_undefined()) current = fallback;
  }
  return current;
}

// What comparisons look at: the attribute, and lower case unless case matters.
Result<Value> sort_key(Heap& heap, const Value& value, const Value& path, bool case_sensitive) {
  ONDOL_TRY(Value key, follow(heap, value, path));
  if (case_sensitive || !key.is(Kind::kString)) return key;
  ONDOL_TRY_STATUS(heap.step_points(key.bytes().size()));
  return heap.text(lower(key.bytes()));
}

Result<Value> join(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("join", arguments, {"d", "attribute"}));
  ONDOL_TRY(const Value separator, to_text(heap, given[0]));
  ONDOL_TRY(const Value list, iterate(heap, input));
  Builder out(heap);
  bool first = true;
  for (const Value& element : list.sequence().items) {
    ONDOL_TRY_STATUS(heap.step());
    if (!std::exchange(first, false)) ONDOL_TRY_STATUS(out.add(separator.bytes()));
    ONDOL_TRY(const Value piece, follow(heap, element, given[1]));
    ONDOL_TRY_STATUS(append_text(heap, out, piece));
  }
  return out.finish();
}

Result<Value> copy(Heap& heap, const Value& input, bool reversed) {
  ONDOL_TRY(const Value list, iterate(heap, input));
  const auto& items = list.sequence().items;
  ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(items.size() / 4)));
  ONDOL_TRY_STATUS(heap.room_for(items.size() * sizeof(Value)));
  std::vector<Value> out(items);
  if (reversed) std::reverse(out.begin(), out.end());
  return heap.list(std::move(out));
}

Result<Value> to_list(Heap& heap, const Value& input, const Arguments&) { return copy(heap, input, false); }

Result<Value> reverse(Heap& heap, const Value& input, const Arguments&) {
  if (input.is(Kind::kString)) return slice(heap, input, Value::none(), Value::none(), Value::integer(-1));
  return copy(heap, input, true);
}

Result<Value> pairs(Heap& heap, const Value& input, std::string_view filter) {
  if (!input.is(Kind::kDict)) {
    return fail(Code::kInvalidArgument, std::string(filter) + " needs a dict, not " + std::string(type_name(input.kind())));
  }
  return call_container_method(heap, input, "items", {});
}

Result<Value> items(Heap& heap, const Value& input, const Arguments&) {
  if (input.is_undefined()) return heap.list({});
  return pairs(heap, input, "items");
}

Result<Value> dictsort(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("dictsort", arguments, {"case_sensitive", "by", "reverse"}));
  ONDOL_TRY(const std::string_view by, text_argument("dictsort", given[1], "key"));
  if (by != "key" && by != "value") return fail(Code::kInvalidArgument, "dictsort: by must be \"key\" or \"value\"");
  ONDOL_TRY(const Value list, pairs(heap, input, "dictsort"));
  std::vector<Keyed> keyed;
  for (const Value& pair : list.sequence().items) {
    ONDOL_TRY(Value key, sort_key(heap, pair.sequence().items[by == "key" ? 0 : 1], {}, truthy(given[0])));
    keyed.push_back({std::move(key), pair});
  }
  return sorted(heap, std::move(keyed), truthy(given[2]));
}

Result<Value> sort(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("sort", arguments, {"reverse", "case_sensitive", "attribute"}));
  ONDOL_TRY(const Value list, iterate(heap, input));
  std::vector<Keyed> keyed;
  for (const Value& element : list.sequence().items) {
    ONDOL_TRY_STATUS(heap.room_for((keyed.size() + 1) * sizeof(Keyed)));
    ONDOL_TRY(Value key, sort_key(heap, element, given[2], truthy(given[1])));
    keyed.push_back({std::move(key), element});
  }
  return sorted(heap, std::move(keyed), truthy(given[0]));
}

Result<Value> unique(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("unique", arguments, {"case_sensitive", "attribute"}));
  ONDOL_TRY(const Value list, iterate(heap, input));
  ONDOL_TRY(const Value seen, heap.dict());
  ONDOL_TRY(Value result, heap.list({}));
  for (const Value& element : list.sequence().items) {
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY(const Value key, sort_key(heap, element, given[1], truthy(given[0])));
    if (!hashable(key))
      return fail(Code::kInvalidArgument, "unique: a value of type " + std::string(type_name(key.kind())) + " cannot be a key");
    constexpr int64_t kSearchSteps = 4;
    ONDOL_TRY_STATUS(heap.step(kSearchSteps));
    if (seen.dict().find(key) != nullptr) continue;
    ONDOL_TRY_STATUS(seen.dict().set(key, Value::none()));
    ONDOL_TRY_STATUS(result.sequence().push(element));
  }
  return result;
}

template <bool kLast>
Result<Value> end_item(Heap& heap, const Value& input, const Arguments&) {
  ONDOL_TRY(const Value list, iterate(heap, input));
  const auto& elements = list.sequence().items;
  if (elements.empty()) return Value();
  return kLast ? elements.back() : elements.front();
}

template <bool kMax>
Result<Value> extreme(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(kMax ? "max" : "min", arguments, {"case_sensitive", "attribute"}));
  ONDOL_TRY(const Value list, iterate(heap, input));
  Value best;
  Value best_key;
  bool first = true;
  for (const Value& element : list.sequence().items) {
    ONDOL_TRY(Value key, sort_key(heap, element, given[1], truthy(given[0])));
    bool better = std::exchange(first, false);
    if (!better) {
      ONDOL_TRY(better, less(heap, kMax ? best_key : key, kMax ? key : best_key));
    }
    if (!better) continue;
    best = element;
    best_key = std::move(key);
  }
  return best;
}

Result<Value> sum(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("sum", arguments, {"attribute", "start"}));
  ONDOL_TRY(const Value list, iterate(heap, input));
  Value total = given[1].is_undefined() ? Value::integer(0) : given[1];
  for (const Value& element : list.sequence().items) {
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY(const Value term, follow(heap, element, given[0]));
    ONDOL_TRY(total, arithmetic(heap, Op::kAdd, total, term));
  }
  return total;
}

// The arguments behind the first `count`, for the filter or test that those name.
Arguments rest(const Arguments& arguments, size_t count) {
  Arguments out;
  for (size_t i = count; i < arguments.positional.size(); ++i) out.positional.push_back(arguments.positional[i]);
  out.named = arguments.named;
  return out;
}

// What map and select look at: a false value of any type has no elements.
Result<Value> elements_of(Heap& heap, const Value& input) { return truthy(input) ? iterate(heap, input) : heap.list({}); }

Result<Value> map(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const Value list, elements_of(heap, input));
  ONDOL_TRY(Value result, heap.list({}));
  const bool by_attribute = arguments.positional.empty();
  std::array<Value, 2> given;
  FilterFn filter = nullptr;
  if (by_attribute) {
    ONDOL_TRY(given, bind("map", arguments, {"attribute", "default"}));
    if (given[0].is_undefined()) return fail(Code::kInvalidArgument, "map needs a filter's name or attribute=");
  } else {
    ONDOL_TRY(const std::string_view name, text_argument("map", arguments.positional[0], ""));
    filter = find_filter(name);
    if (filter == nullptr) return fail(Code::kUnimplemented, "the filter " + quoted(name) + " is not supported");
    // A filter in a filter in a filter would recurse without end.
    if (filter == &map) return fail(Code::kUnimplemented, "map of map is not supported");
  }
  const Arguments passed = by_attribute ? Arguments{} : rest(arguments, 1);
  for (size_t i = 0; i < list.sequence().items.size(); ++i) {
    ONDOL_TRY_STATUS(heap.step());
    const Value element = list.sequence().items[i];
    Value mapped;
    if (by_attribute) {
      ONDOL_TRY(mapped, follow(heap, element, given[0], given[1]));
    } else {
      ONDOL_TRY(mapped, filter(heap, element, passed));
    }
    ONDOL_TRY_STATUS(result.sequence().push(std::move(mapped)));
  }
  return result;
}

// select, reject, selectattr and rejectattr: the elements whose value (or attribute) passes a test, or is true.
template <bool kKeep, bool kAttribute>
Result<Value> choose(Heap& heap, const Value& input, const Arguments& arguments) {
  constexpr size_t kNames = kAttribute ? 1 : 0;
  if (arguments.positional.size() < kNames) return fail(Code::kInvalidArgument, "selectattr and rejectattr need an attribute's name");
  const Value path = kAttribute ? arguments.positional[0] : Value();
  TestFn test = nullptr;
  if (arguments.positional.size() > kNames) {
    ONDOL_TRY(const std::string_view name, text_argument("select", arguments.positional[kNames], ""));
    test = find_test(name);
    if (test == nullptr) return fail(Code::kUnimplemented, "the test " + quoted(name) + " is not supported");
  }
  const Arguments passed = rest(arguments, kNames + 1);
  ONDOL_TRY(const Value list, elements_of(heap, input));
  ONDOL_TRY(Value result, heap.list({}));
  for (const Value& element : list.sequence().items) {
    ONDOL_TRY_STATUS(heap.step());
    ONDOL_TRY(const Value value, follow(heap, element, path));
    bool holds = truthy(value);
    if (test != nullptr) {
      ONDOL_TRY(holds, test(heap, value, passed));
    }
    if (holds == kKeep) ONDOL_TRY_STATUS(result.sequence().push(element));
  }
  return result;
}

}  // namespace

std::span<const FilterEntry> sequence_filters() {
  static constexpr FilterEntry kFilters[] = {
      {"dictsort", dictsort},
      {"first", end_item<false>},
      {"items", items},
      {"join", join},
      {"last", end_item<true>},
      {"list", to_list},
      {"map", map},
      {"max", extreme<true>},
      {"min", extreme<false>},
      {"reject", choose<false, false>},
      {"rejectattr", choose<false, true>},
      {"reverse", reverse},
      {"select", choose<true, false>},
      {"selectattr", choose<true, true>},
      {"sort", sort},
      {"sum", sum},
      {"unique", unique},
  };
  return kFilters;
}

}  // namespace ondol::jinja
