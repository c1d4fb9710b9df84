// JSON values as template values.
//
// Owner: free function. A render's thread. Bounds: the heap's bytes and steps; max_depth of nesting.
#pragma once

#include <boost/json/value.hpp>

#include "model/jinja_value.h"

namespace ondol::jinja {

// Integers beyond 64 bits signed become floats. Errors: kResourceExhausted.
Result<Value> from_json(Heap& heap, const boost::json::value& json, int depth = 0);

}  // namespace ondol::jinja
