// What work costs at an endpoint whose device and model the cost model knows.
//
// Pure function; what it returns is copied freely and called by any thread.
#pragma once

#include "cost/cost_model.h"
#include "meter/outside_work.h"

namespace ondol {

// `speed`: how many times as fast as the real device (a twin's).
WorkModel work_model(const CostModel& cost, double speed = 1);

}  // namespace ondol
