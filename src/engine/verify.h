// Checks this engine against recorded outputs of a reference implementation.
#pragma once

#include <string>

#include "base/error.h"

namespace ondol {

struct VerifyReport {
  double hidden_max_abs_err = 0;  // the largest over all five ways
  double logits_max_abs_err = 0;
  // Whether the greedy tokens match the recorded ones, each way.
  bool whole_prefill = false;
  bool token_by_token = false;
  bool chunks_of_5 = false;
  bool in_batch = false;
  bool after_cache_hit = false;

  bool greedy_ok() const { return whole_prefill && token_by_token && chunks_of_5 && in_batch && after_cache_hit; }
};

// `dir`: a Hugging Face folder that also has expected.safetensors (input_ids [1, T], hidden.N [1, T, hidden], logits [1, T, vocab]) and
// expected.json (prompt, greedy). Runs with a KV cache of 32-bit floats. Errors: what Model::open says, or a missing or misshapen
// expectation.
Result<VerifyReport> verify_model(const std::string& dir);

}  // namespace ondol
