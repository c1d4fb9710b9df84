#include "cost/model_shape.h"

#include <array>
#include <string>

namespace ondol {
namespace {

// Bounds: generous multiples of the largest published models.
struct Bound {
  std::string_view name;
  int64_t value, min, max;
};

}  // namespace

double ModelShape::attention_weights() const {
  return static_cast<double>(hidden * head_dim) * static_cast<double>(2 * heads + 2 * kv_heads);
}

double ModelShape::dense_ffn_weights() const { return static_cast<double>(ffn_matrices) * static_cast<double>(hidden * ffn); }

double ModelShape::expert_weights() const { return static_cast<double>(ffn_matrices) * static_cast<double>(hidden * expert_ffn); }

double ModelShape::layer_weights() const {
  const double sparse = static_cast<double>(experts) * expert_weights() + static_cast<double>(ffn_matrices * hidden * shared_ffn);
  return layers * attention_weights() + (layers - moe_layers()) * dense_ffn_weights() + moe_layers() * sparse;
}

double ModelShape::active_weights() const {
  return layer_weights() - moe_layers() * static_cast<double>(experts - experts_per_token) * expert_weights();
}

double ModelShape::total_bytes() const { return layer_weights() * weight_bytes + head_weights() * 2.0 * (tied_embeddings ? 1 : 2); }

Status check_shape(const ModelShape& shape) {
  const bool sparse = shape.experts > 0;
  const std::array<Bound, 15> bounds{{{"layers", shape.layers, 1, 1024},
                                      {"hidden size", shape.hidden, 1, 65536},
                                      {"attention heads", shape.heads, 1, 1024},
                                      {"key-value heads", shape.kv_heads, 1, shape.heads},
                                      {"head size", shape.head_dim, 1, 1024},
                                      {"FFN size", shape.ffn, sparse ? 0 : 1, 1 << 20},
                                      {"vocabulary", shape.vocab, 1, 1 << 22},
                                      {"context", shape.max_context, 1, 1 << 27},
                                      {"experts", shape.experts, 0, 4096},
                                      {"experts for each token", shape.experts_per_token, sparse ? 1 : 0, shape.experts},
                                      {"expert FFN size", shape.expert_ffn, sparse ? 1 : 0, 1 << 20},
                                      {"shared expert FFN size", shape.shared_ffn, 0, 1 << 20},
                                      {"dense layers", shape.dense_layers, 0, shape.layers},
                                      {"layers with a window", shape.windowed_layers, 0, shape.layers},
                                      {"window", shape.window, shape.windowed_layers > 0 ? 1 : 0, 1 << 27}}};
  for (const Bound& bound : bounds) {
    if (bound.value >= bound.min && bound.value <= bound.max) continue;
    return fail(Code::kInvalidArgument, "the model's " + std::string(bound.name) + " is " + std::to_string(bound.value) +
                                            ", and must be from " + std::to_string(bound.min) + " to " + std::to_string(bound.max));
  }
  if (shape.ffn == 0 && shape.dense_layers > 0) return fail(Code::kInvalidArgument, "the model has dense layers, and no FFN size for them");
  return {};
}

}  // namespace ondol
