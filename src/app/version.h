// The program's version, as `ondol --version` prints it.
#pragma once

#include <string_view>

namespace ondol {

#ifdef ONDOL_VERSION
inline constexpr std::string_view kVersion = ONDOL_VERSION;
#else
inline constexpr std::string_view kVersion = "0.1.0";
#endif

}  // namespace ondol
