// Methods of str that cut it in pieces: split, rsplit, splitlines, partition, rpartition.
//
// Owner: free functions. A render's thread. Bounds: every piece is paid from the heap.
#pragma once

#include <string_view>

#include "model/jinja_builtins.h"
#include "model/jinja_value.h"

namespace ondol::jinja {

// Pays for searching `text` once for all places of `wanted`: linear from the left (find_text), quadratic at worst from the right.
Status step_search(Heap& heap, std::string_view text, std::string_view wanted, bool from_right);

Result<Value> split(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments);
Result<Value> split_lines(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments);
Result<Value> partition(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments);

}  // namespace ondol::jinja
