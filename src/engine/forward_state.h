// What the parts of the forward pass share: buffers of one step and the work counters of its phases. Private to the engine room.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/arena.h"
#include "engine/forward.h"

namespace ondol {

// One token of a step.
struct RowPlace {
  int span;
  int64_t position;
};

// A product of the same activations with one of several matrices; a phase works through the panels of all of them as one list.
struct Product {
  const PackedMatrix* weight;
  Activations input;
  int64_t rows;
  const float* bias;
  float* out;
  int64_t out_stride;
};

// Activations of rows from `row` on.
inline Activations rows_from(Activations a, int64_t row) {
  const size_t element = a.kind == ActKind::kF32 ? 4 : a.kind == ActKind::kBF16 ? 2 : 1;
  a.values = static_cast<std::byte*>(a.values) + static_cast<size_t>(row * a.stride) * element;
  return a;
}

// The forms of one input that its matrices need: mixed quantisations in a layer may need more than one.
class PreparedInput {
 public:
  void add_form(ActKind kind) { needed_[static_cast<size_t>(kind)] = true; }
  size_t bytes(int64_t max_rows, int64_t cols) const {
    size_t total = 0;
    for (size_t k = 0; k < 3; ++k) total += needed_[k] ? align(act_bytes(static_cast<ActKind>(k), max_rows, cols)) : 0;
    return total;
  }
  void bind(int64_t max_rows, int64_t cols, std::byte* memory) {
    for (size_t k = 0; k < 3; ++k) {
      if (!needed_[k]) continue;
      forms_[k] = bind_activations(static_cast<ActKind>(k), max_rows, cols, memory);
      memory += align(act_bytes(static_cast<ActKind>(k), max_rows, cols));
    }
  }
  // Converts one row, whose floats are at `x`, into row `row` of every form.
  void prepare(const MatmulKernels& kernels, const float* x, int64_t row) const {
    for (size_t k = 0; k < 3; ++k)
      if (needed_[k]) kernels.prepare(x, forms_[k].cols, 0, 1, rows_from(forms_[k], row));
  }
  const Activations& form(const PackedMatrix& weight) const { return forms_[static_cast<size_t>(weight.act)]; }

 private:
  static size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }
  bool needed_[3] = {};
  Activations forms_[3];
};

// A list of (row, expert) pairs of a step, grouped by expert.
struct ExpertBatch {
  std::vector<int> expert;        // [row * top_k + rank]
  std::vector<float> weight;      // the same
  std::vector<int64_t> slot;      // where (row, rank) stands in the grouped order
  std::vector<int64_t> begin;     // by expert, first slot; one more at the end
  std::vector<int64_t> slot_row;  // by slot, the row it came from
};

struct Forward::State {
  State(const ModelSpec& spec, const Weights& weights, KvPool& pool, Team& team, Isa isa, int max_rows, int max_logit_rows);

  const ModelSpec& spec;
  const Weights& weights;
  KvPool& pool;
  Team& team;
  const MatmulKernels& mm;
  const VectorKernels& vec;
  const AttentionKernels& att;
  const int max_rows;
  const int max_logit_rows;

  // Buffers, [row][width] floats.
  Arena arena;
  float *x = nullptr, *branch = nullptr, *q = nullptr, *k = nullptr, *v = nullptr, *attended = nullptr, *gate = nullptr, *up = nullptr,
        *logits = nullptr, *final_rows = nullptr;
  float *cosines = nullptr, *sines = nullptr;  // [rope][row][head_dim / 2]
  float *router = nullptr, *expert_gate = nullptr, *expert_up = nullptr, *expert_out = nullptr, *shared_out = nullptr;
  PreparedInput hidden_in, attended_in, ffn_in, head_in, expert_in, expert_ffn_in, shared_in;
  std::vector<std::vector<float>> scratch;            // by member, for attention and norms
  std::vector<std::vector<const std::byte*>> pieces;  // by member, block pointers of an attention task
  ExpertBatch experts;

  // Of the step under way.
  std::vector<RowPlace> rows;
  std::span<const ForwardSpan> spans;
  std::vector<int64_t> logit_rows;
  const HiddenProbe* probe = nullptr;
  std::vector<WorkCounter> counters;

  // Phases; each ends with a barrier of the team. `phase` picks the work counter and is advanced alike by all members.
  void step(int member);
  void embed(int member, size_t& phase);
  void attention(int layer, int member, size_t& phase);
  void mlp(int layer, int member, size_t& phase);
  void moe(int layer, int member, size_t& phase);
  void head(int member, size_t& phase);
  void multiply(std::span<const Product> products, size_t& phase);
  template <class Body>
  void for_each(int64_t count, int64_t grain, size_t& phase, const Body& body);

  void enter_branch(int64_t row, const std::vector<float>& norm, float* scratch_row);
  void leave_branch(int64_t row, const float* value, const std::vector<float>& post_norm);
  void rotate_and_store(int layer, int64_t row);
  void attend(int layer, int64_t item, int member);
  void route(int64_t row, const LayerWeights& w);
  void group_experts();
  void report(int index);
  void report_row(int index, int64_t row, const float* hidden);

  int64_t row_count() const { return static_cast<int64_t>(rows.size()); }
};

template <class Body>
void Forward::State::for_each(int64_t count, int64_t grain, size_t& phase, const Body& body) {
  WorkCounter& counter = counters[phase++];
  for (int64_t begin; (begin = counter.take(grain)) < count;)
    for (int64_t i = begin; i < std::min(begin + grain, count); ++i) body(i);
  team.barrier();
}

}  // namespace ondol
