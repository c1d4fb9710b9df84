// A batcher whose steps are run one by one, and options that fit on a page.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <vector>

#include "twin/batcher.h"

namespace ondol {

inline BatcherOptions vllm_batcher(int64_t kv_tokens = 1 << 20) { return {.max_running = 8, .step_tokens = 100, .kv_tokens = kv_tokens}; }

inline BatcherOptions furiosa_batcher(int64_t kv_tokens = 1 << 20) {
  return {.max_running = 8, .step_tokens = 1024, .kv_tokens = kv_tokens, .kv_block = 1, .prefill_alone = true, .reserve_whole = true};
}

inline std::vector<int32_t> id_range(int32_t first, int32_t last) {
  std::vector<int32_t> ids(static_cast<size_t>(last - first));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

// A batcher whose steps are run one by one.
struct BatcherBench {
  using Ids = std::vector<uint64_t>;
  using Parts = std::map<uint64_t, int64_t>;

  explicit BatcherBench(const BatcherOptions& options) : batcher(options) {}

  void add(uint64_t id, int64_t prompt, int64_t answer) { batcher.add({id, prompt, answer}); }
  void add(uint64_t id, std::vector<int32_t> ids, int64_t answer, int64_t prompt = 0) {
    batcher.add({id, prompt > 0 ? prompt : static_cast<int64_t>(ids.size()), answer, 0, std::move(ids)});
  }

  // Plans and finishes a step: what each of its sequences computed.
  Parts step() {
    const auto planned = batcher.plan();
    if (!planned) return {};
    batch = *planned;
    parts.assign(batcher.parts().begin(), batcher.parts().end());
    finish();
    Parts out;
    for (const StepPart& part : parts) out[part.id] += part.tokens;
    return out;
  }
  void finish() {
    tokens.clear();
    batcher.finish(tokens);
    for (const StepToken& token : tokens) {
      ++got[token.id];
      if (token.finish) ended.push_back(token.id);
    }
  }
  void run() {
    for (int steps = 0; !batcher.idle(); ++steps) {
      ASSERT_LT(steps, 100'000) << "it does not come to an end";
      ASSERT_FALSE(step().empty()) << "nothing to do with requests there";
    }
  }
  int64_t cached(uint64_t id) const {
    for (const StepToken& token : tokens) {
      if (token.id == id) return token.cached;
    }
    return -1;
  }

  Batcher batcher;
  StepBatch batch;
  std::vector<StepPart> parts;
  std::vector<StepToken> tokens;
  Parts got;
  Ids ended;
};

}  // namespace ondol
