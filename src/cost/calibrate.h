// Fitting a profile's named constants to measurements: the operator's own, or the published ones behind the built-in profiles.
//
// Owner: pure functions. Any thread. Bounded: kMaxCalibrationBytes and kMaxCalibrationRows of input, a fixed number of search rounds.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cost/cost_model.h"

namespace ondol {

inline constexpr size_t kMaxCalibrationBytes = size_t{8} << 20;
inline constexpr size_t kMaxCalibrationRows = 100'000;

// One measured step, or one kernel of a layer.
struct CalibrationRow {
  enum class Kind { kStep, kLinear, kAttention };
  Kind kind = Kind::kStep;
  int batch = 0;        // sequences that decode
  int64_t context = 0;  // tokens of each
  int64_t prefill_tokens = 0;
  double seconds = 0;  // of the step, or of one layer
  std::optional<double> power_w = {};
};

// CSV with a header, columns in any order. Steps: batch,context,prefill_tokens,step_ms[,power_w]. Kernels, one layer each:
// kernel,tokens,batch,context,cycles,clock_mhz, where kernel is "linear" (tokens) or "attention" (batch sequences of context tokens).
// kInvalidArgument names the line; numbers out of range are errors.
Result<std::vector<CalibrationRow>> parse_calibration(std::string_view csv);

struct Fit {
  DeviceProfile profile;
  std::vector<std::string> fields;           // that were fitted
  double error_before = 0, error_after = 0;  // root mean square of the logarithm of predicted over measured
};

// An error to be made small, of a profile.
using FitError = std::function<double(const DeviceProfile&)>;
// Coordinate search: each field in turn is moved by a factor that shrinks, and kept where the error falls.
Fit fit_profile(const DeviceProfile& start, const std::vector<std::string>& fields, const FitError& error);

// Those of the profile's constants that the rows can tell (times; power if rows have it). kInvalidArgument if the model does not fit.
Result<Fit> calibrate(const DeviceProfile& start, const ModelShape& model, const Placement& placement,
                      const std::vector<CalibrationRow>& rows);
// On the fitted rows of the published ones of this device. kNotFound if there are none.
Result<Fit> calibrate_published(const DeviceProfile& start);

}  // namespace ondol
