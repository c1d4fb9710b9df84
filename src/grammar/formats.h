// The values of JSON Schema's `format` that can be written as a pattern.
//
// Free functions; any thread. A pattern takes a part of what the format allows, chosen so that every validator agrees with it (four-digit
// years, host names without Punycode, absolute http(s), ftp and urn URIs).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ondol {

// The pattern that the whole string must match; nothing for a format that is not known.
std::optional<std::string> format_pattern(std::string_view format);
// "date, time, ...", for messages.
std::string known_formats();

}  // namespace ondol
