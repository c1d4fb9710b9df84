// What the door has to know of a request's body, found without building it: the rest passes as the bytes that came.
//
// Pure functions; any thread. Bounded by the body: one pass, no recursion; a body without room behind its end is copied once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

struct RequestPeek {
  std::string model;  // empty: none was named
  bool streams = false;
  bool wants_usage = false;  // stream_options.include_usage
  int64_t prompt_bytes = 0;  // of messages, prompt or input, as JSON
  // Where a field can be put: behind the bracket that opens the object, and whether something follows in it. npos: there is no such object.
  size_t top_at = std::string::npos, options_at = std::string::npos;
  bool top_empty = true, options_empty = true;
};

// Of a key that stands twice the last one counts, as in the parsers of the engines. Values that the door does not read are not checked: the
// engine will. kInvalidArgument: no JSON object, or a field of the wrong type; says which.
Result<RequestPeek> peek_request(const std::string& body);

// The body of a stream that did not ask for usage, asking for it.
std::string ask_for_usage(const RequestPeek& peek, std::string_view body);

// About as many tokens as so many bytes of a prompt have: 4 bytes of English or code each, a Hangul syllable (3 bytes) a bit more than one.
int64_t prompt_tokens_guess(int64_t bytes);

}  // namespace ondol
