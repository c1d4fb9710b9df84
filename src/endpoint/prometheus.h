// Reads a page of metrics in Prometheus' text format (exposition format 0.0.4, and OpenMetrics as far as samples go).
//
// Pure functions; any thread. Bounded: kMaxPrometheusSamples; the views point into the text.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

inline constexpr size_t kMaxPrometheusSamples = 100'000;

struct PrometheusSample {
  std::string_view name;
  std::string_view labels;  // between the braces, raw
  double value = 0;
};
using PrometheusSamples = std::vector<PrometheusSample>;

// kDataLoss (names the line) for a line that is no sample, kResourceExhausted for too many.
Result<PrometheusSamples> parse_prometheus(std::string_view text);

// The sum, or the mean, over the series (engines, models) of the first of `names` that the page has; values that are no numbers do not
// count. `labels`: only series whose labels hold this text, as in state="free". None if there is no such series.
std::optional<double> metric_sum(const PrometheusSamples& page, std::initializer_list<std::string_view> names,
                                 std::string_view labels = {});
std::optional<double> metric_mean(const PrometheusSamples& page, std::initializer_list<std::string_view> names);

}  // namespace ondol
