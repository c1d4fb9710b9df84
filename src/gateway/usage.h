// What an answer used: tokens, and what they cost where that is metered.
//
// Value types; any thread.
#pragma once

#include <optional>

#include "meter/usage.h"

namespace ondol {

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;
  int reasoning_tokens = 0;                 // of the completion
  int accepted_prediction_tokens = 0;       // of the completion: foretold by the request
  int rejected_prediction_tokens = 0;       // computed in vain, and not part of the completion
  std::optional<UsageReport> account = {};  // the object "ondol"
};

// Several answers of one request (n > 1), and what they cost together. The device is the first one's.
UsageReport together(const UsageReport& a, const UsageReport& b);

}  // namespace ondol
