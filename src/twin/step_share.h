// Whose a step's joules are: what each sequence's part of it is worth by modelled work.
//
// Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "cost/cost_model.h"
#include "twin/batcher.h"

namespace ondol {

// Shares of a step that cost `cost`, one for each part; they sum to 1. The time of attention and of reading the KV is shared by context,
// all the rest (weights, matrix work, collectives, fixed costs) by tokens.
void step_shares(const StepCost& cost, std::span<const StepPart> parts, std::vector<double>& shares);

}  // namespace ondol
