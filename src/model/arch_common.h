// What the architecture descriptions share: dimensions, rotary settings, window patterns and tensor names that many families spell alike.
//
// Owner: free functions. Any thread. Every number is bounded here, before anything is allocated in proportion to it.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/arch.h"
#include "model/source.h"
#include "model/spec.h"

namespace ondol {

// Keys whose spelling differs between families.
struct DimensionKeys {
  Key layers{"num_hidden_layers", "block_count"};
  Key norm_eps{"rms_norm_eps", "attention.layer_norm_rms_epsilon"};
};

// Fills in name, sizes, context, norm_eps, attn_scale = 1 / sqrt(head_dim), tied and the (still plain) layers. Refuses what no description
// handles: quantised HF checkpoints, soft-capping, partial rotation, value heads of another width.
Status read_dimensions(const Source& source, ModelSpec& spec, const DimensionKeys& keys = {});

// `allowed`: spellings of the one activation that the family uses. An absent key means it too. Errors: kUnimplemented for another one.
Status require_activation(const Source& source, const Key& key, std::vector<std::string_view> allowed);

// Rotary settings in their many places: rope_parameters (or its member `group`), rope_theta with rope_scaling, rope.* of GGUF.
Result<RopeSpec> read_rope(const Source& source, int head_dim, double default_theta, std::string_view group = "");

// Which layers slide: layer_types, else sliding_window_pattern (a number, a string such as "LLLG", or flags), else every layer but each
// `default_period`-th; 0 = none. In a period p, layer i is full if (i + 1) % p == 0.
Result<std::vector<bool>> read_sliding(const Source& source, int layers, int default_period);

// The window: 0 if the key is absent or null.
Result<int> read_window(const Source& source);

// q, k and v biases by the "attention_bias" key or, in GGUF, by their presence. A bias on the output projection is refused.
Status read_attention_bias(const Source& source, ModelSpec& spec);

// Qwen 2 and 3: windows from max_window_layers on, if use_sliding_window.
Status read_qwen_windows(const Source& source, ModelSpec& spec);

// EXAONE 4 and K-EXAONE: windows from sliding_windows (per layer), or sliding_window with a pattern of three sliding layers to one full.
// Full layers are not rotated, unless the model has no window at all: then all are.
Status read_exaone_windows(const Source& source, ModelSpec& spec);

// Names of the Llama family: embedding, norms in front, q k v o, gate up down.
std::vector<TensorName> llama_names();
std::vector<TensorName> qk_norm_names();
std::vector<TensorName> qkv_bias_names();
std::vector<TensorName> without(std::vector<TensorName> names, Role role);
std::vector<TensorName> joined(std::vector<std::vector<TensorName>> lists);

}  // namespace ondol
