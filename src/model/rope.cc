#include "model/rope.h"

#include <cmath>
#include <numbers>
#include <string>

namespace ondol {
namespace {

// Short wavelengths are kept, long ones stretched, those between blended.
double llama3_frequency(double frequency, const RopeScaling& scaling) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < scaling.original_context / scaling.high_freq_factor) return frequency;
  if (wavelength > scaling.original_context / scaling.low_freq_factor) return frequency / scaling.factor;
  const double kept =
      (scaling.original_context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - kept) * frequency / scaling.factor + kept * frequency;
}

}  // namespace

Result<RopeSpec> make_rope(int head_dim, double theta, const RopeScaling& scaling) {
  const auto pairs = static_cast<size_t>(head_dim / 2);
  if (scaling.rule != RopeScaling::Rule::kNone && !(scaling.factor > 0)) {
    return fail(Code::kInvalidArgument, "the rope scaling factor " + std::to_string(scaling.factor) + " is not positive");
  }
  if (scaling.rule == RopeScaling::Rule::kLlama3 && !(scaling.low_freq_factor > 0 && scaling.high_freq_factor > scaling.low_freq_factor)) {
    return fail(Code::kInvalidArgument, "rope scaling needs 0 < low_freq_factor < high_freq_factor, not " +
                                            std::to_string(scaling.low_freq_factor) + " and " + std::to_string(scaling.high_freq_factor));
  }
  if (!scaling.divisors.empty() && scaling.divisors.size() != pairs) {
    return fail(Code::kInvalidArgument, "rope_freqs.weight has " + std::to_string(scaling.divisors.size()) + " values, not the " +
                                            std::to_string(pairs) + " pairs of a head");
  }
  RopeSpec rope;
  rope.inv_freq.reserve(pairs);
  for (size_t j = 0; j < pairs; ++j) {
    double frequency = std::pow(theta, -2.0 * static_cast<double>(j) / head_dim);
    if (scaling.rule == RopeScaling::Rule::kLinear) frequency /= scaling.factor;
    if (scaling.rule == RopeScaling::Rule::kLlama3) frequency = llama3_frequency(frequency, scaling);
    if (!scaling.divisors.empty()) frequency /= static_cast<double>(scaling.divisors[j]);
    const auto rounded = static_cast<float>(frequency);
    if (!std::isfinite(rounded) || !(rounded > 0)) {
      return fail(Code::kInvalidArgument, "rotary pair " + std::to_string(j) + " has no positive finite frequency");
    }
    rope.inv_freq.push_back(rounded);
  }
  return rope;
}

}  // namespace ondol
