// Automata for the decimal spellings of numbers between two bounds.
//
// Free functions; any thread. Bounded: 20 digits before the point, 15 in all for numbers with a fraction, so that every text is read back
// as the number that it spells: decimals of up to 15 digits are told apart by doubles.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "grammar/char_dfa.h"

namespace ondol {

struct NumberBound {
  bool negative = false;
  std::string whole = "0";  // digits without leading zeros
  std::string fraction;     // digits without trailing zeros
  bool strict = false;      // the bound itself does not belong
};

struct NumberRange {
  std::optional<NumberBound> lo;
  std::optional<NumberBound> hi;
  bool integer = false;
  uint32_t multiple = 1;  // of which it must be a whole multiple; only for integers
};

// From a JSON number, exactly as its shortest spelling says.
NumberBound number_bound(const boost::json::value& number, bool strict);
// Negative if a < b, 0 if they are the same number (strictness aside).
int compare(const NumberBound& a, const NumberBound& b);

// Errors: kInvalidArgument if `multiple` makes it too large.
Result<CharDfa> dfa_of_numbers(const NumberRange& range, CompileBudget& budget);

}  // namespace ondol
