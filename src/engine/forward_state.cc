#include "engine/forward_state.h"

namespace ondol {

Forward::State::State(const ModelSpec& spec_in, const Weights& weights_in, KvPool& pool_in, Team& team_in, Isa isa, int rows_in,
                      int logit_rows_in)
    : spec(spec_in),
      weights(weights_in),
      pool(pool_in),
      team(team_in),
      mm(matmul_kernels(isa)),
      vec(vector_kernels(isa)),
      att(attention_kernels(isa)),
      max_rows(rows_in),
      max_logit_rows(logit_rows_in),
      counters(static_cast<size_t>(spec_in.n_layers() + 2) * 16) {
  bool any_moe = false;
  for (const LayerWeights& w : weights.layers()) {
    for (const PackedMatrix* m : {&w.q, &w.k, &w.v}) hidden_in.add_form(m->act);
    attended_in.add_form(w.o.act);
    if (w.experts.empty()) {
      for (const PackedMatrix* m : {&w.gate, &w.up}) hidden_in.add_form(m->act);
      ffn_in.add_form(w.down.act);
      continue;
    }
    any_moe = true;
    hidden_in.add_form(w.router.act);
    for (const ExpertWeights& e : w.experts) {
      for (const PackedMatrix* m : {&e.gate, &e.up}) expert_in.add_form(m->act);
      expert_ffn_in.add_form(e.down.act);
    }
    if (spec.moe.shared_ffn == 0) continue;
    for (const PackedMatrix* m : {&w.shared_gate, &w.shared_up}) hidden_in.add_form(m->act);
    shared_in.add_form(w.shared_down.act);
  }
  head_in.add_form(weights.lm_head().act);

  // One pass adds up the sizes, a second hands the memory out.
  const int64_t n = max_rows;
  const int64_t slots = any_moe ? n * spec.moe.top_k : 0;
  for (const bool bind : {false, true}) {
    size_t at = 0;
    const auto floats = [&](float*& pointer, int64_t count) {
      if (bind) pointer = reinterpret_cast<float*>(arena.data() + at);
      at += (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
    };
    const auto prepared = [&](PreparedInput& input, int64_t count, int64_t cols) {
      if (bind) input.bind(count, cols, arena.data() + at);
      at += input.bytes(count, cols);
    };
    for (float** pointer : {&x, &branch}) floats(*pointer, n * spec.hidden);
    for (float** pointer : {&q, &attended}) floats(*pointer, n * spec.q_width());
    for (float** pointer : {&k, &v}) floats(*pointer, n * spec.kv_width());
    for (float** pointer : {&gate, &up}) floats(*pointer, n * std::max(spec.ffn, spec.moe.shared_ffn));
    for (float** pointer : {&cosines, &sines}) floats(*pointer, static_cast<int64_t>(spec.ropes.size()) * n * (spec.head_dim / 2));
    floats(logits, static_cast<int64_t>(max_logit_rows) * spec.vocab);
    floats(final_rows, static_cast<int64_t>(max_logit_rows) * spec.hidden);
    prepared(hidden_in, n, spec.hidden);
    prepared(attended_in, n, spec.q_width());
    prepared(ffn_in, n, spec.ffn);
    prepared(head_in, max_logit_rows, spec.hidden);
    if (any_moe) {
      floats(router, n * spec.moe.experts);
      for (float** pointer : {&expert_gate, &expert_up}) floats(*pointer, slots * spec.moe.expert_ffn);
      floats(expert_out, slots * spec.hidden);
      floats(shared_out, n * spec.hidden);
      prepared(expert_in, slots, spec.hidden);
      prepared(expert_ffn_in, slots, spec.moe.expert_ffn);
      prepared(shared_in, n, spec.moe.shared_ffn);
    }
    if (!bind) arena = Arena(at, true);
  }
  const size_t scratch_floats = std::max(attention_scratch_floats(spec.head_dim), static_cast<size_t>(spec.hidden));
  scratch.assign(static_cast<size_t>(team.size()), std::vector<float>(scratch_floats + 64));
  pieces.resize(static_cast<size_t>(team.size()));
}

}  // namespace ondol
