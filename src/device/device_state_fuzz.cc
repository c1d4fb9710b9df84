// Any bytes as the file of remembered settings: what is accepted is written and read again as the same.
#include <cstdlib>

#include "device/device_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto settings = ondol::parse_remembered({reinterpret_cast<const char*>(data), size});
  if (!settings) return 0;
  const auto again = ondol::parse_remembered(ondol::format_remembered(*settings));
  if (!again || again->size() != settings->size()) std::abort();
  return 0;
}
