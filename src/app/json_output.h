// JSON on stdout for scripts: indented, one value, a final newline.
//
// Pure functions; any thread.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace ondol {

// Indented by two spaces; numbers that are whole print without an exponent ("12", "3.25").
std::string pretty_json(const boost::json::value& value);
void print_json(const boost::json::value& value);

// `value` with three decimals: figures of a benchmark without the noise digits.
double rounded(double value);

}  // namespace ondol
