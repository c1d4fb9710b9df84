// From logits to a token: penalties, bias, temperature, top-k, top-p, min-p, seeded draw, logprobs.
//
// Pure: the result depends on the arguments only, so the same seed, prompt and parameters give the same answer in any batch. Any thread.
//
// Order (as vLLM's): logit_bias and penalties, then what a grammar allows, then temperature, then min_p, top_k, top_p on what is left.
// Logprobs are of the model's own distribution, before all of these.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "kernel/vector_ops.h"

namespace ondol {

// How often each token stands in the prompt and in the answer so far; kept only for requests with penalties.
struct TokenCounts {
  struct Count {
    int32_t prompt = 0;
    int32_t answer = 0;
  };
  std::unordered_map<int32_t, Count> of;
};

bool needs_counts(const SamplingParams& params);

// kInvalidArgument naming the parameter and its range. Non-finite values are refused.
Status validate(const SamplingParams& params, int vocab);

// A number in [0, 1) that is a function of the seed and the draw's index (SplitMix64's finaliser on both).
double uniform(uint64_t seed, uint64_t index);

// `logits`: one row, overwritten when penalties, a bias or a mask apply. `index`: how many tokens were drawn before, for the seed.
// `allowed`: one bit for each token that may be drawn, lowest bit first; empty = all. kDataLoss if no logit is finite; kInternal if nothing
// is allowed.
Result<TokenEvent> sample(const VectorKernels& kernels, std::span<float> logits, const SamplingParams& params, const TokenCounts& counts,
                          uint64_t index, std::span<const uint64_t> allowed = {});

// What the row says of a token that is known already: its log-probability, and `top` of the best. kDataLoss as above.
Result<TokenEvent> score(const VectorKernels& kernels, std::span<const float> logits, int32_t token, int top);

}  // namespace ondol
