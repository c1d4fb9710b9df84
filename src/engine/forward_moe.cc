// The mixture-of-experts branch (reference/exaone.md section 2).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/forward_state.h"

namespace ondol {

// Chooses the experts of a row: sigmoid scores, selection by score plus correction bias (by groups if the model has them), weights from
// the scores alone. Ranks are best first, equal scores by expert number, so the order of addition is fixed.
void Forward::State::route(int64_t row, const LayerWeights& w) {
  const MoeSpec& moe = spec.moe;
  const float* raw = router + row * moe.experts;
  std::vector<float> score(static_cast<size_t>(moe.experts)), choice(score.size());
  for (size_t e = 0; e < score.size(); ++e) {
    score[e] = 1.0f / (1.0f + std::exp(-raw[e]));
    choice[e] = score[e] + w.router_bias[e];
    if (std::isnan(choice[e])) choice[e] = -std::numeric_limits<float>::infinity();
  }
  if (moe.groups > 1) {
    const auto per_group = static_cast<size_t>(moe.experts / moe.groups);
    std::vector<std::pair<float, size_t>> ranked;
    for (size_t g = 0; g < static_cast<size_t>(moe.groups); ++g) {
      std::vector<float> in(choice.begin() + static_cast<std::ptrdiff_t>(g * per_group),
                            choice.begin() + static_cast<std::ptrdiff_t>((g + 1) * per_group));
      std::partial_sort(in.begin(), in.begin() + std::min<std::ptrdiff_t>(2, std::ssize(in)), in.end(), std::greater<>());
      ranked.emplace_back(-(in[0] + (in.size() > 1 ? in[1] : 0)), g);
    }
    std::sort(ranked.begin(), ranked.end());
    for (size_t i = static_cast<size_t>(moe.top_groups); i < ranked.size(); ++i)
      std::fill_n(choice.begin() + static_cast<std::ptrdiff_t>(ranked[i].second * per_group), per_group,
                  -std::numeric_limits<float>::infinity());
  }
  std::vector<int> order(score.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + moe.top_k, order.end(), [&](int a, int b) {
    const float ca = choice[static_cast<size_t>(a)], cb = choice[static_cast<size_t>(b)];
    return ca != cb ? ca > cb : a < b;
  });
  float sum = 0;
  for (int rank = 0; rank < moe.top_k; ++rank) sum += score[static_cast<size_t>(order[static_cast<size_t>(rank)])];
  for (int rank = 0; rank < moe.top_k; ++rank) {
    const auto at = static_cast<size_t>(row * moe.top_k + rank);
    const int expert = order[static_cast<size_t>(rank)];
    experts.expert[at] = expert;
    experts.weight[at] = score[static_cast<size_t>(expert)] / (moe.normalize ? sum + 1e-20f : 1.0f) * moe.scale;
  }
}

void Forward::State::group_experts() {
  const auto pairs = static_cast<size_t>(row_count() * spec.moe.top_k);
  experts.begin.assign(static_cast<size_t>(spec.moe.experts) + 1, 0);
  for (size_t i = 0; i < pairs; ++i) ++experts.begin[static_cast<size_t>(experts.expert[i]) + 1];
  std::partial_sum(experts.begin.begin(), experts.begin.end(), experts.begin.begin());
  std::vector<int64_t> next(experts.begin.begin(), experts.begin.end() - 1);
  for (size_t i = 0; i < pairs; ++i) {
    experts.slot[i] = next[static_cast<size_t>(experts.expert[i])]++;
    experts.slot_row[static_cast<size_t>(experts.slot[i])] = static_cast<int64_t>(i) / spec.moe.top_k;
  }
}

void Forward::State::moe(int layer, int member, size_t& phase) {
  const LayerWeights& w = weights.layers()[static_cast<size_t>(layer)];
  const MoeSpec& moe = spec.moe;
  const float limit = spec.layers[static_cast<size_t>(layer)].swiglu_limit;
  const int64_t n = row_count();
  const int64_t slots = n * moe.top_k;
  float* scratch_row = scratch[static_cast<size_t>(member)].data();
  for_each(n, 1, phase, [&](int64_t row) {
    leave_branch(row, branch + row * spec.hidden, w.attn_post_norm);
    enter_branch(row, w.ffn_norm, scratch_row);
    // `branch` keeps the normed input: experts gather from it.
    if (w.ffn_norm.empty()) {
      std::copy_n(x + row * spec.hidden, spec.hidden, branch + row * spec.hidden);
    } else {
      std::copy_n(scratch_row, spec.hidden, branch + row * spec.hidden);
    }
  });
  if (member == 0) {
    experts.expert.resize(static_cast<size_t>(slots));
    experts.weight.resize(static_cast<size_t>(slots));
    experts.slot.resize(static_cast<size_t>(slots));
    experts.slot_row.resize(static_cast<size_t>(slots));
  }
  std::vector<Product> products{{&w.router, hidden_in.form(w.router), n, nullptr, router, moe.experts}};
  if (moe.shared_ffn > 0) {
    products.push_back({&w.shared_gate, hidden_in.form(w.shared_gate), n, nullptr, gate, moe.shared_ffn});
    products.push_back({&w.shared_up, hidden_in.form(w.shared_up), n, nullptr, up, moe.shared_ffn});
  }
  multiply(products, phase);
  for_each(n, 1, phase, [&](int64_t row) {
    route(row, w);
    if (moe.shared_ffn == 0) return;
    float* g = gate + row * moe.shared_ffn;
    vec.silu_mul(g, up + row * moe.shared_ffn, limit, moe.shared_ffn, g);
    shared_in.prepare(mm, g, row);
  });
  if (member == 0) group_experts();
  team.barrier();
  for_each(slots, 1, phase,
           [&](int64_t slot) { expert_in.prepare(mm, branch + experts.slot_row[static_cast<size_t>(slot)] * spec.hidden, slot); });

  const auto of_experts = [&](const auto& matrix, const PreparedInput& input, float* out, int64_t width) {
    for (size_t e = 0; e < w.experts.size(); ++e) {
      const int64_t begin = experts.begin[e], count = experts.begin[e + 1] - begin;
      if (count == 0) continue;
      const PackedMatrix& m = matrix(w.experts[e]);
      products.push_back({&m, rows_from(input.form(m), begin), count, nullptr, out + begin * width, width});
    }
  };
  products.clear();
  of_experts([](const ExpertWeights& e) -> const PackedMatrix& { return e.gate; }, expert_in, expert_gate, moe.expert_ffn);
  of_experts([](const ExpertWeights& e) -> const PackedMatrix& { return e.up; }, expert_in, expert_up, moe.expert_ffn);
  multiply(products, phase);
  for_each(slots, 1, phase, [&](int64_t slot) {
    float* g = expert_gate + slot * moe.expert_ffn;
    vec.silu_mul(g, expert_up + slot * moe.expert_ffn, limit, moe.expert_ffn, g);
    expert_ffn_in.prepare(mm, g, slot);
  });
  products.clear();
  of_experts([](const ExpertWeights& e) -> const PackedMatrix& { return e.down; }, expert_ffn_in, expert_out, spec.hidden);
  if (moe.shared_ffn > 0) products.push_back({&w.shared_down, shared_in.form(w.shared_down), n, nullptr, shared_out, spec.hidden});
  multiply(products, phase);
  for_each(n, 1, phase, [&](int64_t row) {
    float* sum = branch + row * spec.hidden;
    std::fill_n(sum, spec.hidden, 0.0f);
    for (int rank = 0; rank < moe.top_k; ++rank) {
      const auto at = static_cast<size_t>(row * moe.top_k + rank);
      vec.add_scaled(sum, expert_out + experts.slot[at] * spec.hidden, experts.weight[at], spec.hidden);
    }
    if (moe.shared_ffn > 0) vec.add(sum, shared_out + row * spec.hidden, spec.hidden);
    leave_branch(row, sum, w.ffn_post_norm);
  });
}

}  // namespace ondol
