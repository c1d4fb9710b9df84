// JSON from outside to a DOM, under limits, with errors that say where.
//
// Owner: pure functions. Any thread. Bounded: the body's bytes, its depth and its number of values are checked before the DOM is built
// (a value takes 24 bytes there, so 32 MB of "[0,0,0" would take 400 MB). Of a key that stands twice in one object the last value holds,
// as in the Python and JavaScript parsers. Strings are valid UTF-8 afterwards, without lone surrogates; numbers are finite.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string_view>

#include "endpoint/api_error.h"

namespace ondol {

struct JsonLimits {
  size_t max_bytes = 32 << 20;
  int max_depth = 64;
  size_t max_values = 2'000'000;  // twice the longest prompt that a model here can take as token ids
};

// Values in the text, counted without building them: exact for valid JSON, an upper bound of what a parser builds for any other text.
size_t count_json_values(std::string_view text);

// Errors: 413 (bytes), 400 with the byte offset and what stands there (syntax, UTF-8, surrogates, depth), 400 (values).
ApiResult<boost::json::value> parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace ondol
