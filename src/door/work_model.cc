#include "door/work_model.h"

#include <algorithm>
#include <memory>

namespace ondol {

WorkModel work_model(const CostModel& cost, double speed) {
  const auto shared = std::make_shared<const CostModel>(cost);
  const auto priced = [speed](const StepCost& step) { return WorkCost{.seconds = step.seconds / speed, .energy_j = step.energy_j()}; };
  return {.prefill = [shared, priced](int64_t tokens) { return priced(shared->prefill(std::max<int64_t>(tokens, 1))); },
          .decode =
              [shared, priced](int streams, int64_t context) {
                return priced(shared->decode(std::clamp(streams, 1, shared->max_batch()), std::max<int64_t>(context, 1)));
              }};
}

}  // namespace ondol
