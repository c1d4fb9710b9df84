// Boost.JSON behind Result: parses outside text with bounds, and reads small text files.
//
// Owner: free functions. Any thread. Bounded by the bytes given, by kMaxJsonDepth, and for files by the caller's limit.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

inline constexpr size_t kMaxJsonDepth = 32;  // configurations nest 3 or 4 deep

// Errors: kInvalidArgument with the place, `what` in front ("config.json: ...").
Result<boost::json::value> parse_json(std::string_view text, std::string_view what);
// The same, which must be an object.
Result<boost::json::object> parse_json_object(std::string_view text, std::string_view what);

// The whole file. Errors: kNotFound, kPermissionDenied, kPayloadTooLarge; an empty file reads as "".
Result<std::string> read_text_file(const std::string& path, size_t max_bytes);

bool file_exists(const std::string& path);

}  // namespace ondol
