// Number and string literals of chat templates, as Python writes them.
//
// Owner: the lexer. Any thread. Linear in the literal.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/jinja_lexer.h"

namespace ondol::jinja {

// Reads the number whose first digit is at `at` into `token`; returns the offset behind it. Errors: kInvalidArgument without the line.
Result<size_t> read_number(std::string_view source, size_t at, Token& token);

// The text that the inside of a string literal stands for. Errors: kInvalidArgument without the line.
Result<std::string> resolve_escapes(std::string_view literal);

}  // namespace ondol::jinja
