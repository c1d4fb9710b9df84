// Any bytes as a CSV of measurements: an error, or rows within their ranges.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cost/calibrate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const auto rows = parse_calibration({reinterpret_cast<const char*>(data), size});
  if (!rows) {
    if (rows.error().message.empty()) __builtin_trap();
    return 0;
  }
  if (rows->empty()) __builtin_trap();
  for (const CalibrationRow& row : *rows) {
    if (!std::isfinite(row.seconds) || row.seconds <= 0) __builtin_trap();
    if (row.batch == 0 && row.prefill_tokens == 0) __builtin_trap();
    if (row.power_w && !(*row.power_w > 0)) __builtin_trap();
  }
  return 0;
}
