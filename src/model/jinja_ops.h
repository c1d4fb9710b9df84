// Python's operators on template values: truth, equality, order, arithmetic, subscripts, iteration.
//
// Owner: free functions. A render's thread. Bounds: the heap (steps for every element looked at, bytes for every value made) and
// max_depth of nested values. Errors: kInvalidArgument for types that do not fit, naming them; the caller adds the line.
#pragma once

#include "model/jinja_ast.h"
#include "model/jinja_value.h"

namespace ondol::jinja {

bool truthy(const Value& value);
Result<bool> equal(Heap& heap, const Value& a, const Value& b);
// a < b: numbers, strings by code points, lists and tuples by elements.
Result<bool> less(Heap& heap, const Value& a, const Value& b);
Result<bool> compare(Heap& heap, Op op, const Value& a, const Value& b);
// Whether `item` is in `container`: substring, element, key.
Result<bool> contains(Heap& heap, const Value& container, const Value& item);

Result<Value> arithmetic(Heap& heap, Op op, const Value& a, const Value& b);
Result<Value> negate(const Value& value);

// len(); kInvalidArgument if the value has none.
Result<int64_t> length(const Value& value);
// The values that a loop over `value` sees: elements, code points, keys. The list itself where it is one already.
Result<Value> iterate(Heap& heap, const Value& value);

// value.name and value[key]: undefined if there is no such thing, an error if `value` itself is undefined.
Result<Value> attribute(Heap& heap, const Value& value, const Value& name);
Result<Value> item(Heap& heap, const Value& value, const Value& key);
// value[begin:end:stride]; absent bounds are none. Errors: kInvalidArgument if `value` is neither text nor a sequence.
Result<Value> slice(Heap& heap, const Value& value, const Value& begin, const Value& end, const Value& stride);

// "%s %d" % arguments, for strings (in jinja_format.cc).
Result<Value> percent_format(Heap& heap, const std::string& format, const Value& arguments);
// "{} {0} {name}".format(...).
Result<Value> brace_format(Heap& heap, const std::string& format, const Arguments& arguments);

}  // namespace ondol::jinja
