// What the cost model has to know of a model: sizes, bytes and operations, from its config.json or one of the built-in descriptions.
//
// Owner: value type. Any thread. Bounded: a config.json of at most kMaxConfigBytes, nested at most 32 deep.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

struct ModelShape {
  std::string name;
  int layers = 0;
  int64_t hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0;
  int64_t max_context = 0;
  bool tied_embeddings = false;
  // Experts: 0 = dense. `dense_layers` layers have the dense FFN.
  int64_t experts = 0, experts_per_token = 0, expert_ffn = 0, shared_ffn = 0;
  int dense_layers = 0;
  // Layers that see only a window of tokens.
  int windowed_layers = 0;
  int64_t window = 0;
  double weight_bytes = 2;      // per weight of the linear layers: 2 bf16, 1 fp8, 0.5625 for 4 bits with scales
  double kv_bytes = 2;          // per element of the cache
  double activation_bits = 16;  // 8: the device's FP8 rate counts
  int ffn_matrices = 3;         // 3: gated (SwiGLU); 2: up and down only (GPT-J)

  int moe_layers() const { return experts > 0 ? layers - dense_layers : 0; }
  int full_layers() const { return layers - windowed_layers; }
  // Weights (numbers, not bytes) of one layer, whatever the batch.
  double attention_weights() const;  // Q, K, V, output
  double dense_ffn_weights() const;
  double expert_weights() const;  // of one routed expert
  // Numbers of the whole model without embedding and head; and of what one token passes through.
  double layer_weights() const;
  double active_weights() const;
  double head_weights() const { return static_cast<double>(vocab) * static_cast<double>(hidden); }
  // Embedding, head and all layers, in bytes. Embedding and head stay at 16 bits in quantised checkpoints.
  double total_bytes() const;
  // Of the cache, for one token of one layer.
  double kv_layer_bytes() const { return 2.0 * static_cast<double>(kv_heads * head_dim) * kv_bytes; }
};

// kInvalidArgument names the first size that cannot be (zero, negative, beyond any published model by far).
Status check_shape(const ModelShape& shape);

// "exaone-4.0-32b", "exaone-4.0-32b-fp8", "llama-3.1-8b", "k-exaone-236b-a23b", ... kNotFound lists the names.
Result<ModelShape> builtin_model(std::string_view name);
std::vector<std::string> builtin_model_names();

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;

// The text of a config.json of Hugging Face (any architecture: the usual keys are read, nested text_config too).
// `name` only labels the result. kInvalidArgument names the key that is missing or out of range.
Result<ModelShape> parse_model_config(std::string_view config_json, std::string_view name);

}  // namespace ondol
