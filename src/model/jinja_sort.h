// Stable sorting of template values, whose comparison may fail.
//
// Owner: free functions. A render's thread. Bounds: n log n comparisons, each paid from the heap.
#pragma once

#include <vector>

#include "model/jinja_value.h"

namespace ondol::jinja {

struct Keyed {
  Value key;
  Value value;
};

// The values in the order of their keys, as a list; `descending` keeps the order of equal ones too, as Python's reverse=True does.
// Errors: kInvalidArgument if two keys have no order.
Result<Value> sorted(Heap& heap, std::vector<Keyed> entries, bool descending);

}  // namespace ondol::jinja
