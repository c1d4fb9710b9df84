// Rotary frequencies with the scaling rules that checkpoints use.
//
// Owner: free functions. Any thread. Bounded by head_dim.
#pragma once

#include <vector>

#include "base/error.h"
#include "model/spec.h"

namespace ondol {

struct RopeScaling {
  enum class Rule { kNone, kLinear, kLlama3 };
  Rule rule = Rule::kNone;
  double factor = 1;                                 // positions are stretched by this (linear; llama3 for the slow pairs)
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3: where the blend between kept and stretched begins and ends
  double original_context = 8192;                    // llama3: tokens
  std::vector<float> divisors;  // head_dim / 2 values that divide the frequencies (GGUF rope_freqs.weight); may be empty
};

// inv_freq[j] = theta^(-2j / head_dim), then the rule; formulas in reference/exaone.md section 2. Errors: kInvalidArgument for parameters
// that give no finite positive frequency.
Result<RopeSpec> make_rope(int head_dim, double theta, const RopeScaling& scaling);

}  // namespace ondol
