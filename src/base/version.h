// What this program calls itself in answers and on the command line.
#pragma once

#include <string_view>

namespace ondol {

#ifdef ONDOL_VERSION
inline constexpr std::string_view kVersion = ONDOL_VERSION;
#else
inline constexpr std::string_view kVersion = "0.1.0";
#endif

// Empty when the build was not told.
#ifdef ONDOL_COMMIT
inline constexpr std::string_view kCommit = ONDOL_COMMIT;
#else
inline constexpr std::string_view kCommit = "";
#endif

}  // namespace ondol
