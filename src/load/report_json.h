// A report as JSON, for scripts. The keys are documented in docs/bench-serve.md and stay as they are.
//
// Pure function; any thread.
#pragma once

#include <boost/json/object.hpp>

#include "load/report.h"

namespace ondol {

// Numbers have three decimals at most; times are milliseconds, rates are per second.
boost::json::object report_json(const LoadReport& report);

// "2026-11-24T11:32:59Z".
std::string utc_time(int64_t unix_s);

}  // namespace ondol
