// A model's weights as the kernels want them: matrices packed into panels, norms and biases as floats.
//
// Owner: the engine. Immutable after `load`; any thread. Memory: one arena of the size that `plan` says.
#pragma once

#include <functional>
#include <vector>

#include "base/team.h"
#include "engine/arena.h"
#include "kernel/matmul.h"
#include "model/model.h"

namespace ondol {

struct ExpertWeights {
  PackedMatrix gate, up, down;
};

struct LayerWeights {
  // Empty when the architecture has none.
  std::vector<float> attn_norm, attn_post_norm, ffn_norm, ffn_post_norm, q_norm, k_norm, q_bias, k_bias, v_bias, router_bias;
  PackedMatrix q, k, v, o;
  PackedMatrix gate, up, down;  // dense MLP
  PackedMatrix router;          // always F32: the choice of experts must not depend on a rounding
  std::vector<ExpertWeights> experts;
  PackedMatrix shared_gate, shared_up, shared_down;
};

class Weights {
 public:
  // Bytes of the arena that `load` will take. Cheap: reads shapes only.
  static Result<uint64_t> packed_bytes(const Model& model, Isa isa);

  // Packs with all members of `team`. `progress` (may be null) gets 0..1.
  static Result<Weights> load(const Model& model, Isa isa, bool huge_pages, Team& team, const std::function<void(double)>& progress);

  const std::vector<LayerWeights>& layers() const { return layers_; }
  const std::vector<float>& final_norm() const { return final_norm_; }
  const PackedMatrix& lm_head() const { return lm_head_; }
  // A copy too: once loaded, nothing is read from the model's files any more, so that they can be replaced or cut while it is served.
  const Tensor& embedding() const { return embedding_; }
  uint64_t bytes() const { return arena_.size(); }

 private:
  friend class WeightPlan;
  Arena arena_;
  std::vector<LayerWeights> layers_;
  std::vector<float> final_norm_;
  PackedMatrix lm_head_;
  Tensor embedding_;
};

}  // namespace ondol
