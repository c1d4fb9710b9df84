// Values as text: Python's str() and repr(), and JSON as json.dumps writes it.
//
// Owner: free functions. A render's thread. Bounds: the builder's heap (bytes and steps) and max_depth of nested values.
#pragma once

#include <string>

#include "model/jinja_value.h"

namespace ondol::jinja {

// Shortest decimal that reads back as the same double, laid out as Python does: "1.0", "1e+16", "nan".
std::string float_text(double value);

// str(value); undefined is empty.
Status append_text(Heap& heap, Builder& out, const Value& value);
Result<Value> to_text(Heap& heap, const Value& value);

// repr(value).
Status append_repr(Heap& heap, Builder& out, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;                 // one level, if indented
  std::string item_separator = ", ";  // json.dumps: "," if indented, unless given
  std::string key_separator = ": ";
};
// Errors also: kInvalidArgument for what JSON has no form for (undefined, macros, keys that are tuples).
Status append_json(Heap& heap, Builder& out, const Value& value, const JsonStyle& style);

}  // namespace ondol::jinja
