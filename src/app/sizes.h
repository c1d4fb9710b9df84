// Sizes in bytes as people write and read them.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

// "2G", "512M", "1.5GiB", "4096": binary units K M G T with optional "B" or "iB", any case. kInvalidArgument for anything else, and for
// what does not fit 63 bits.
Result<uint64_t> parse_size(std::string_view text);

// "1.04 GiB", "98.0 MiB", "512 B": three significant digits.
std::string format_size(uint64_t bytes);

// "1.54 B", "134.5 M": parameter counts in powers of ten.
std::string format_count(uint64_t count);

}  // namespace ondol
