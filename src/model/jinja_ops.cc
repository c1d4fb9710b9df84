#include "model/jinja_ops.h"

#include <algorithm>
#include <cmath>

#include "model/jinja_split.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

std::string type_of(const Value& value) { return std::string(type_name(value.kind())); }

// Exact for every int64_t and double on the platforms with an 80 or 128 bit long double.
long double wide(const Value& number) {
  return number.is(Kind::kFloat) ? static_cast<long double>(number.as_double()) : static_cast<long double>(number.as_int());
}

Status deeper(Heap& heap, int depth) {
  if (depth > heap.limits().max_depth) {
    return fail(Code::kResourceExhausted, "a value nests deeper than max_depth = " + std::to_string(heap.limits().max_depth));
  }
  return heap.step();
}

Result<bool> equal_at(Heap& heap, const Value& a, const Value& b, int depth);

Result<bool> equal_sequences(Heap& heap, const Sequence& a, const Sequence& b, int depth) {
  if (a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    ONDOL_TRY(const bool same, equal_at(heap, a.items[i], b.items[i], depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_dicts(Heap& heap, const Dict& a, const Dict& b, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(key);
    if (other == nullptr) return false;
    ONDOL_TRY(const bool same, equal_at(heap, value, *other, depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_at(Heap& heap, const Value& a, const Value& b, int depth) {
  ONDOL_TRY_STATUS(deeper(heap, depth));
  if (a.is_number() && b.is_number()) return wide(a) == wide(b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kString: ONDOL_TRY_STATUS(heap.step_bytes(std::min(a.bytes().size(), b.bytes().size()))); return a.bytes() == b.bytes();
    case Kind::kList:
    case Kind::kTuple: return equal_sequences(heap, a.sequence(), b.sequence(), depth);
    case Kind::kDict: return equal_dicts(heap, a.dict(), b.dict(), depth);
    case Kind::kFunction: return a.as_int() == b.as_int();
    default: return a.object() == b.object();
  }
}

Result<bool> less_at(Heap& heap, const Value& a, const Value& b, int depth) {
  ONDOL_TRY_STATUS(deeper(heap, depth));
  if (a.is_number() && b.is_number()) return wide(a) < wide(b);
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    ONDOL_TRY_STATUS(heap.step_bytes(std::min(a.bytes().size(), b.bytes().size())));
    return a.bytes() < b.bytes();
  }
  if (a.is_sequence() && a.kind() == b.kind()) {
    const auto& left = a.sequence().items;
    const auto& right = b.sequence().items;
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      ONDOL_TRY(const bool same, equal_at(heap, left[i], right[i], depth + 1));
      if (!same) return less_at(heap, left[i], right[i], depth + 1);
    }
    return left.size() < right.size();
  }
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) return fail(Code::kInvalidArgument, value->undefined_message());
  }
  return fail(Code::kInvalidArgument, "values of types " + type_of(a) + " and " + type_of(b) + " have no order");
}

Result<Value> method_of(Heap& heap, const Value& self, const Value& name) {
  ONDOL_TRY(Method * method, heap.make<Method>(0, self, name));
  return Value(Kind::kMethod, method);
}

// Index from the front for a Python index, -1 if it is out of range.
int64_t place(int64_t index, int64_t size) {
  const int64_t at = index < 0 ? index + size : index;
  return at >= 0 && at < size ? at : -1;
}

struct Range {
  int64_t begin = 0;
  int64_t count = 0;
  int64_t stride = 1;
};

// Python's slice.indices. Bounds that are neither none nor integers have been refused already.
Range resolve(const Value& begin, const Value& end, int64_t stride, int64_t size) {
  const int64_t lowest = stride < 0 ? -1 : 0;
  const int64_t highest = stride < 0 ? size - 1 : size;
  const auto clamp = [&](const Value& bound, int64_t absent) {
    if (bound.is(Kind::kNone)) return absent;
    const int64_t at = bound.as_int() < 0 ? std::max(bound.as_int(), -size - 1) + size : bound.as_int();
    return std::clamp(at, lowest, std::max(lowest, highest));
  };
  const int64_t from = clamp(begin, stride < 0 ? highest : lowest);
  const int64_t to = clamp(end, stride < 0 ? lowest : highest);
  const int64_t distance = stride < 0 ? from - to : to - from;
  const int64_t width = stride < 0 ? -(stride + 1) : stride - 1;  // |stride| - 1, which cannot overflow
  return {.begin = from, .count = distance <= 0 ? 0 : (distance - 1) / (width + (width < INT64_MAX ? 1 : 0)) + 1, .stride = stride};
}

Result<Value> slice_text(Heap& heap, const Text& text, const Range& range) {
  ONDOL_TRY_STATUS(heap.step_bytes(text.ascii() ? static_cast<size_t>(range.count) : text.bytes.size()));
  const auto begin = static_cast<size_t>(range.begin);
  const auto count = static_cast<size_t>(range.count);
  if (range.count == 0) return heap.text({});
  if (range.stride == 1) {
    if (text.ascii()) return heap.text(text.bytes.substr(begin, count));
    const size_t from = byte_offset(text.bytes, begin);
    return heap.text(text.bytes.substr(from, byte_offset(std::string_view(text.bytes).substr(from), count)));
  }
  // A slice per code point for a while, 16 bytes each.
  ONDOL_TRY_STATUS(heap.room_for(static_cast<size_t>(text.length()) * sizeof(std::string_view)));
  ONDOL_TRY_STATUS(heap.step_points(text.bytes.size()));
  const auto points = split_points(text.bytes);
  std::string out;
  for (int64_t i = 0, at = range.begin; i < range.count; ++i, at += i < range.count ? range.stride : 0)
    out += points[static_cast<size_t>(at)];
  return heap.text(std::move(out));
}

Result<Value> text_item(Heap& heap, const Text& text, int64_t index, const Value& key) {
  const int64_t at = place(index, text.length());
  if (at < 0) return Value::undefined(key, Kind::kString);
  return slice_text(heap, text, {.begin = at, .count = 1, .stride = 1});
}

}  // namespace

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool:
    case Kind::kInt: return value.as_int() != 0;
    case Kind::kFloat: return value.as_double() != 0;
    case Kind::kString: return !value.bytes().empty();
    case Kind::kList:
    case Kind::kTuple: return !value.sequence().items.empty();
    case Kind::kDict: return !value.dict().entries.empty();
    default: return true;
  }
}

Result<bool> equal(Heap& heap, const Value& a, const Value& b) { return equal_at(heap, a, b, 0); }
Result<bool> less(Heap& heap, const Value& a, const Value& b) { return less_at(heap, a, b, 0); }

Result<bool> compare(Heap& heap, Op op, const Value& a, const Value& b) {
  switch (op) {
    case Op::kEq: return equal(heap, a, b);
    case Op::kLt: return less(heap, a, b);
    case Op::kGt: return less(heap, b, a);
    case Op::kIn: return contains(heap, b, a);
    case Op::kNe: {
      ONDOL_TRY(const bool same, equal(heap, a, b));
      return !same;
    }
    case Op::kNotIn: {
      ONDOL_TRY(const bool inside, contains(heap, b, a));
      return !inside;
    }
    default: break;
  }
  // <= and >= are not the negation of > and < where NaN is involved.
  const bool swapped = op == Op::kGe;
  ONDOL_TRY(const bool before, less(heap, swapped ? b : a, swapped ? a : b));
  if (before) return true;
  return equal(heap, a, b);
}

Result<bool> contains(Heap& heap, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kUndefined: return false;
    case Kind::kString:
      if (!item.is(Kind::kString)) return fail(Code::kInvalidArgument, "'in <str>' needs a str on the left, not " + type_of(item));
      ONDOL_TRY_STATUS(step_search(heap, container.bytes(), item.bytes(), false));
      return find_text(container.bytes(), item.bytes()) != std::string_view::npos;
    case Kind::kDict:
    case Kind::kNamespace:
      if (!hashable(item)) return fail(Code::kInvalidArgument, "a value of type " + type_of(item) + " cannot be a key");
      if (item.is(Kind::kString)) ONDOL_TRY_STATUS(heap.step_bytes(item.bytes().size()));
      return container.dict().find(item) != nullptr;
    case Kind::kList:
    case Kind::kTuple: {
      const Sequence& sequence = container.sequence();
      for (size_t i = 0; i < sequence.items.size(); ++i) {
        ONDOL_TRY(const bool same, equal(heap, sequence.items[i], item));
        if (same) return true;
      }
      return false;
    }
    default: return fail(Code::kInvalidArgument, "'in' needs a container on the right, not " + type_of(container));
  }
}

Result<int64_t> length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return 0;
    case Kind::kString: return value.text().length();
    case Kind::kList:
    case Kind::kTuple: return static_cast<int64_t>(value.sequence().items.size());
    case Kind::kDict: return static_cast<int64_t>(value.dict().entries.size());
    default: return fail(Code::kInvalidArgument, "a value of type " + type_of(value) + " has no length");
  }
}

Result<Value> iterate(Heap& heap, const Value& value) {
  std::vector<Value> items;
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple: return value;
    case Kind::kUndefined: break;
    case Kind::kDict:
      ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(value.dict().entries.size())));
      ONDOL_TRY_STATUS(heap.room_for(value.dict().entries.size() * sizeof(Value)));
      for (const auto& entry : value.dict().entries) items.push_back(entry.first);
      break;
    case Kind::kString:
      ONDOL_TRY_STATUS(heap.room_for(static_cast<size_t>(value.text().length()) * (sizeof(Text) + sizeof(Value))));
      for (const std::string_view point : split_points(value.bytes())) {
        ONDOL_TRY_STATUS(heap.step());
        ONDOL_TRY(Value piece, heap.text(std::string(point)));
        items.push_back(std::move(piece));
      }
      break;
    default: return fail(Code::kInvalidArgument, "a value of type " + type_of(value) + " cannot be looped over");
  }
  return heap.list(std::move(items));
}

Result<Value> attribute(Heap& heap, const Value& value, const Value& name) {
  if (value.is_undefined())
    return fail(Code::kInvalidArgument, value.undefined_message() + ", so it has no attribute " + quoted(name.bytes()));
  if (has_method(value.kind(), name.bytes())) return method_of(heap, value, name);
  if (value.is(Kind::kDict) || value.is(Kind::kNamespace)) {
    ONDOL_TRY_STATUS(heap.step_bytes(name.bytes().size()));
    const Value* found = value.dict().find(name);
    if (found != nullptr) return *found;
  }
  return Value::undefined(name, value.kind());
}

Result<Value> item(Heap& heap, const Value& value, const Value& key) {
  if (value.is_undefined()) return fail(Code::kInvalidArgument, value.undefined_message() + ", so it has no items");
  if (value.is(Kind::kDict) && hashable(key)) {
    if (key.is(Kind::kString)) ONDOL_TRY_STATUS(heap.step_bytes(key.bytes().size()));
    const Value* found = value.dict().find(key);
    if (found != nullptr) return *found;
  }
  if (key.is_integral() && value.is_sequence()) {
    const auto& items = value.sequence().items;
    const int64_t at = place(key.as_int(), static_cast<int64_t>(items.size()));
    return at < 0 ? Value::undefined(key, value.kind()) : items[static_cast<size_t>(at)];
  }
  if (key.is_integral() && value.is(Kind::kString)) return text_item(heap, value.text(), key.as_int(), key);
  if (key.is(Kind::kString)) {
    if (value.is(Kind::kNamespace)) return attribute(heap, value, key);
    if (has_method(value.kind(), key.bytes())) return method_of(heap, value, key);
  }
  return Value::undefined(key, value.kind());
}

Result<Value> slice(Heap& heap, const Value& value, const Value& begin, const Value& end, const Value& stride) {
  if (value.is_undefined()) return fail(Code::kInvalidArgument, value.undefined_message() + ", so it cannot be sliced");
  for (const Value* bound : {&begin, &end, &stride}) {
    if (!bound->is(Kind::kNone) && !bound->is_integral())
      return fail(Code::kInvalidArgument, "a slice's bounds must be int, not " + type_of(*bound));
  }
  const int64_t by = stride.is(Kind::kNone) ? 1 : stride.as_int();
  if (!value.is(Kind::kString) && !value.is_sequence())
    return fail(Code::kInvalidArgument, "a value of type " + type_of(value) + " cannot be sliced");
  if (by == 0) return fail(Code::kInvalidArgument, "a slice's step cannot be zero");
  if (value.is(Kind::kString)) return slice_text(heap, value.text(), resolve(begin, end, by, value.text().length()));
  const auto& items = value.sequence().items;
  const Range range = resolve(begin, end, by, static_cast<int64_t>(items.size()));
  ONDOL_TRY_STATUS(heap.step(range.count / 4));
  ONDOL_TRY_STATUS(heap.room_for(static_cast<size_t>(range.count) * sizeof(Value)));
  std::vector<Value> out;
  out.reserve(static_cast<size_t>(range.count));
  for (int64_t i = 0, at = range.begin; i < range.count; ++i, at += i < range.count ? range.stride : 0)
    out.push_back(items[static_cast<size_t>(at)]);
  return heap.list(std::move(out), value.kind());
}

}  // namespace ondol::jinja
