// The filters, tests, methods and globals that a template may call: nothing else is reachable from one.
//
// Owner: free functions, no state. A render's thread. Work and memory are paid from the heap that is passed in.
// Semantics: Jinja documentation "List of Builtin Filters" and "List of Builtin Tests", Python's str, list and dict methods. Generators
// are lists here. Errors: kInvalidArgument for wrong types and arguments, kResourceExhausted for a limit; the caller adds the line.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "model/jinja_value.h"

namespace ondol::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<Value, Value>> named;  // names are strings
};

using FilterFn = Result<Value> (*)(Heap& heap, const Value& input, const Arguments& arguments);
using TestFn = Result<bool> (*)(Heap& heap, const Value& input, const Arguments& arguments);

// nullptr: no such filter or test.
FilterFn find_filter(std::string_view name);
TestFn find_test(std::string_view name);

// Parts of the tables behind the two.
struct FilterEntry {
  std::string_view name;
  FilterFn function;
};
struct TestEntry {
  std::string_view name;
  TestFn function;
};

std::span<const FilterEntry> text_filters();      // in jinja_filters.cc
std::span<const FilterEntry> sequence_filters();  // in jinja_filters_seq.cc

// A method of a value, such as str.strip or dict.items. Errors also: kUnimplemented for one that Python has and this does not.
Result<Value> call_method(Heap& heap, const Value& self, const Value& name, const Arguments& arguments);
Result<Value> call_text_method(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments);
Result<Value> call_container_method(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments);
// Whether Python's type has a public method of that name (so that `x.items` is the method, not an item).
bool has_method(Kind kind, std::string_view name);

enum class Global : int64_t { kRaiseException, kStrftimeNow, kNamespace, kRange, kDict };
// Returns false if there is no such global.
bool find_global(std::string_view name, Global& global);
Result<Value> call_global(Heap& heap, Global global, const Arguments& arguments, int64_t now_unix_s);

// Sorts out arguments by position and name. An argument that was not given is an undefined value.
Status bind_arguments(std::string_view function, const Arguments& arguments, const std::string_view* names, Value* values, size_t count);

// Readings of bound arguments; an undefined one gives the fallback. Errors name the function and the type found.
Result<int64_t> integer_argument(std::string_view function, const Value& value, int64_t fallback);
Result<std::string_view> text_argument(std::string_view function, const Value& value, std::string_view fallback);

template <size_t N>
Result<std::array<Value, N>> bind(std::string_view function, const Arguments& arguments, const std::string_view (&names)[N]) {
  std::array<Value, N> values;
  ONDOL_TRY_STATUS(bind_arguments(function, arguments, names, values.data(), N));
  return values;
}

}  // namespace ondol::jinja
