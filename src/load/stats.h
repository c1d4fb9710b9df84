// Statistics of samples: exact, from all of them.
//
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <vector>

namespace ondol {

struct Summary {
  size_t count = 0;
  double mean = 0, min = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

// All zero for no values.
Summary summarize(std::vector<double> values);

// The value below which `share` (0..1) of the ascending values lie, with linear interpolation between the two nearest (type 7 of Hyndman
// and Fan 1996, which numpy uses too). 0 for no values.
double percentile(const std::vector<double>& ascending, double share);

}  // namespace ondol
