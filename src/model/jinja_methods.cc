// Methods of list, tuple and dict.

#include "model/jinja_builtins.h"
#include "model/jinja_ops.h"
#include "model/jinja_sort.h"

namespace ondol::jinja {
namespace {

std::unexpected<Error> missing(const Value& self, std::string_view name) {
  return fail(Code::kUnimplemented, "the method " + quoted(name) + " of " + std::string(type_name(self.kind())) + " is not supported");
}

Status check_key(const Value& key) {
  if (hashable(key)) return {};
  return fail(Code::kInvalidArgument, "a value of type " + std::string(type_name(key.kind())) + " cannot be a key");
}

enum class Part { kKeys, kValues, kItems };

Result<Value> parts(Heap& heap, const Dict& dict, Part part) {
  ONDOL_TRY(Value result, heap.list({}));
  for (const auto& [key, value] : dict.entries) {
    ONDOL_TRY_STATUS(heap.step());
    Value element = part == Part::kKeys ? key : value;
    if (part == Part::kItems) {
      ONDOL_TRY(element, heap.list({key, value}, Kind::kTuple));
    }
    ONDOL_TRY_STATUS(result.sequence().push(std::move(element)));
  }
  return result;
}

Result<Value> pop_key(Dict& dict, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("pop", arguments, {"key", "default"}));
  ONDOL_TRY_STATUS(check_key(given[0]));
  if (dict.find(given[0]) != nullptr) return dict.take(given[0]);
  if (arguments.positional.size() < 2) return fail(Code::kInvalidArgument, "pop: the dict has no such key");
  return given[1];
}

Result<Value> dict_method(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  Dict& dict = self.dict();
  ONDOL_TRY_STATUS(heap.step());
  if (name == "items") return parts(heap, dict, Part::kItems);
  if (name == "keys") return parts(heap, dict, Part::kKeys);
  if (name == "values") return parts(heap, dict, Part::kValues);
  if (name == "get" || name == "setdefault") {
    ONDOL_TRY(auto given, bind(name, arguments, {"key", "default"}));
    ONDOL_TRY_STATUS(check_key(given[0]));
    if (given[0].is(Kind::kString)) ONDOL_TRY_STATUS(heap.step_bytes(given[0].bytes().size()));
    if (arguments.positional.size() + arguments.named.size() < 2) given[1] = Value::none();
    const Value* found = dict.find(given[0]);
    if (found != nullptr) return *found;
    if (name == "setdefault") ONDOL_TRY_STATUS(dict.set(given[0], given[1]));
    return given[1];
  }
  if (name == "update" || name == "copy") {
    Arguments sources = arguments;
    if (name == "copy") sources.positional.assign(1, self);
    ONDOL_TRY(Value added, call_global(heap, Global::kDict, sources, 0));
    if (name == "copy") return added;
    ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(added.dict().entries.size())));
    for (const auto& [key, value] : added.dict().entries) ONDOL_TRY_STATUS(dict.set(key, value));
    return Value::none();
  }
  if (name == "pop") {
    ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(dict.entries.size())));  // the index is renumbered
    return pop_key(dict, arguments);
  }
  if (name == "clear") {
    dict.take_all();
    return Value::none();
  }
  return missing(self, name);
}

// count and index, which tuples have too.
Result<Value> find_in(Heap& heap, const Sequence& sequence, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"value"}));
  int64_t count = 0;
  for (size_t i = 0; i < sequence.items.size(); ++i) {
    ONDOL_TRY(const bool same, equal(heap, sequence.items[i], given[0]));
    if (same && name == "index") return Value::integer(static_cast<int64_t>(i));
    count += same ? 1 : 0;
  }
  if (name == "index") return fail(Code::kInvalidArgument, "index: the value is not in the sequence");
  return Value::integer(count);
}

Result<Value> remove_at(Sequence& sequence, int64_t index) {
  const auto size = static_cast<int64_t>(sequence.items.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size)
    return fail(Code::kInvalidArgument, "pop: the list has " + std::to_string(size) + " items, the index is out of range");
  Value removed = std::move(sequence.items[static_cast<size_t>(index)]);
  sequence.items.erase(sequence.items.begin() + index);
  if (sequence.heap != nullptr && sequence.charged_bytes >= sizeof(Value)) {
    sequence.charged_bytes -= sizeof(Value);
    sequence.heap->give(sizeof(Value));
  }
  return removed;
}

Result<Value> insert(Heap& heap, Sequence& list, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind("insert", arguments, {"index", "value"}));
  ONDOL_TRY(int64_t index, integer_argument("insert", given[0], 0));
  const auto size = static_cast<int64_t>(list.items.size());
  if (index < 0) index = std::max<int64_t>(index, -size) + size;
  ONDOL_TRY_STATUS(heap.step(size / 8));
  ONDOL_TRY_STATUS(heap.charge(list, sizeof(Value)));
  list.items.insert(list.items.begin() + std::min(index, size), given[1]);
  return Value::none();
}

Result<Value> list_method(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  Sequence& list = self.sequence();
  ONDOL_TRY_STATUS(heap.step());
  if (name == "append") {
    ONDOL_TRY(const auto given, bind(name, arguments, {"value"}));
    ONDOL_TRY_STATUS(list.push(given[0]));
    return Value::none();
  }
  if (name == "extend") {
    ONDOL_TRY(const auto given, bind(name, arguments, {"values"}));
    ONDOL_TRY(const Value added, iterate(heap, given[0]));
    const std::vector<Value> items = added.sequence().items;  // a copy: a list may extend itself
    ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(items.size())));
    for (const Value& item : items) ONDOL_TRY_STATUS(list.push(item));
    return Value::none();
  }
  if (name == "pop") {
    ONDOL_TRY(const auto given, bind(name, arguments, {"index"}));
    ONDOL_TRY(const int64_t index, integer_argument(name, given[0], -1));
    ONDOL_TRY_STATUS(heap.step(index == -1 ? 0 : static_cast<int64_t>(list.items.size() / 8)));
    return remove_at(list, index);
  }
  if (name == "remove") {
    ONDOL_TRY(const Value at, find_in(heap, list, "index", arguments));
    ONDOL_TRY_STATUS(remove_at(list, at.as_int()));
    return Value::none();
  }
  if (name == "insert") return insert(heap, list, arguments);
  if (name == "count" || name == "index") return find_in(heap, list, name, arguments);
  if (name == "copy") return heap.list(list.items);
  if (name == "clear") {
    while (!list.items.empty()) ONDOL_TRY_STATUS(remove_at(list, -1));
    return Value::none();
  }
  if (name == "reverse") {
    ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(list.items.size() / 4)));
    std::reverse(list.items.begin(), list.items.end());
    return Value::none();
  }
  return missing(self, name);
}

}  // namespace

Result<Value> call_container_method(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  if (self.is(Kind::kDict)) return dict_method(heap, self, name, arguments);
  if (self.is(Kind::kList)) return list_method(heap, self, name, arguments);
  if (self.is(Kind::kTuple)) return find_in(heap, self.sequence(), name, arguments);
  return missing(self, name);
}

}  // namespace ondol::jinja
