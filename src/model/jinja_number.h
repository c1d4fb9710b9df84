// Numbers written as text, as Python's int() and float() read them.
//
// Owner: free functions. Any thread. Linear in the text.
#pragma once

#include <cstdint>
#include <string_view>

namespace ondol::jinja {

// White space around, a sign, single underscores between digits, a prefix if `base` (2 to 36, or 0: by the prefix) allows it.
// False: not such a number, or beyond 64 bits.
bool parse_integer(std::string_view text, int64_t base, int64_t& value);

// Decimal, with an exponent or not, and "inf", "infinity", "nan" in any case.
bool parse_float(std::string_view text, double& value);

}  // namespace ondol::jinja
