// A report as one HTML page that needs nothing else: no scripts, no network, plots as inline SVG, light and dark.
//
// Pure function; any thread. Bounded: kMaxPlotPoints a series, whatever the number of samples.
#pragma once

#include <string>
#include <vector>

#include "load/report.h"

namespace ondol {

// `samples` are those that the report was made of. Text from outside (model, URL, messages) is escaped.
std::string report_html(const LoadReport& report, const std::vector<RequestSample>& samples);

}  // namespace ondol
