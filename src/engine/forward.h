// The forward pass: rows of tokens in, logits out, KV written to the cache. It knows a model by its ModelSpec only.
//
// Owner: the engine core; `run` is called by one thread and uses the whole team. Buffers are sized once for `max_rows` rows.
//
// A row's result depends on its token, position and the KV before it, bit for bit: not on the other rows of the step. That follows from
// the kernels' contract (kernel/matmul.h, kernel/attention.h) and holds for experts too, whose outputs are added in order of rank.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/team.h"
#include "engine/kv_pool.h"
#include "engine/weights.h"
#include "kernel/vector_ops.h"

namespace ondol {

// Consecutive tokens of one sequence.
struct ForwardSpan {
  std::span<const int32_t> tokens;
  int64_t first_position = 0;
  // By group: the sequence's block of positions [b * kKvBlock, ...); -1 where a window has passed.
  const std::vector<std::vector<int32_t>>* blocks = nullptr;
  int logit_rows = 0;  // of how many tokens, counted from the last, logits are wanted
};

// Sees the hidden states: index 0 = embeddings, i = after layer i, and after the final norm for the last (as Hugging Face counts them).
using HiddenProbe = std::function<void(int index, int span, int64_t position, std::span<const float> hidden)>;

class Forward {
 public:
  Forward(const ModelSpec& spec, const Weights& weights, KvPool& pool, Team& team, Isa isa, int max_rows, int max_logit_rows);
  ~Forward();

  // Computes all spans; returns `vocab` logits for each row that wants them, in order, valid (and writable) until the next call.
  // All rows' logits when `all_logits`. Sum of tokens <= max_rows; sum of logit rows <= max_logit_rows.
  std::span<float> run(std::span<const ForwardSpan> spans, bool all_logits = false, const HiddenProbe& probe = {});

  uint64_t buffer_bytes() const;  // of all buffers if every row is used

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ondol
