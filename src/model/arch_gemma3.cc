// Gemma 3, text only: norms before and after, five sliding layers to one full, a rotary base for each kind, scaled embeddings.
#include <cmath>

#include "model/arch_common.h"
#include "model/rope.h"

namespace ondol {
namespace {

constexpr double kLocalTheta = 10'000;
constexpr double kGlobalTheta = 1'000'000;
constexpr int kPeriod = 6;
constexpr int kDefaultWindow = 4096;  // what a config.json without the key means; published files state 512 or 1024
constexpr int kLayersOf27b = 62;

// q.k is divided by sqrt(query_pre_attn_scalar): the head width, but hidden / heads in the 27B model. GGUF files do not carry the value;
// the 27B model is known by its 62 layers.
Status read_scale(const Source& source, ModelSpec& spec) {
  const bool is_27b = source.is_gguf() && spec.n_layers() == kLayersOf27b;
  const double fallback = is_27b ? static_cast<double>(spec.hidden) / spec.heads : spec.head_dim;
  ONDOL_TRY(const double scalar, number_or(source, {"query_pre_attn_scalar", ""}, fallback, 1e-3, 1e6));
  spec.attn_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  return {};
}

Result<RopeSpec> read_local_rope(const Source& source, const ModelSpec& spec) {
  if (source.kind({"rope_parameters/sliding_attention", ""}) == Kind::kObject) {
    return read_rope(source, spec.head_dim, kLocalTheta, "sliding_attention");
  }
  ONDOL_TRY(const double theta, number_or(source, {"rope_local_base_freq", "rope.freq_base_swa"}, kLocalTheta, 1e-3, 1e15));
  return make_rope(spec.head_dim, theta, {});
}

Result<RopeSpec> read_global_rope(const Source& source, const ModelSpec& spec) {
  const bool grouped = source.kind({"rope_parameters/full_attention", ""}) == Kind::kObject;
  return read_rope(source, spec.head_dim, kGlobalTheta, grouped ? "full_attention" : "");
}

Status describe(const Source& source, ModelSpec& spec) {
  ONDOL_TRY_STATUS(read_dimensions(source, spec));
  ONDOL_TRY_STATUS(require_activation(source, {"hidden_activation", ""}, {"gelu_pytorch_tanh", "gelu_new"}));
  ONDOL_TRY_STATUS(read_attention_bias(source, spec));
  ONDOL_TRY_STATUS(read_scale(source, spec));
  spec.activation = Activation::kGeluTanh;
  spec.post_norm = true;
  spec.qk_norm = true;
  spec.norm_offset = source.is_gguf() ? 0.0f : 1.0f;
  spec.embed_scale = static_cast<float>(std::sqrt(spec.hidden));
  ONDOL_TRY(auto global, read_global_rope(source, spec));
  ONDOL_TRY(auto local, read_local_rope(source, spec));
  spec.ropes = {std::move(global), std::move(local)};
  ONDOL_TRY(const int stated, read_window(source));
  const int window = stated > 0 ? stated : kDefaultWindow;
  ONDOL_TRY(const auto sliding, read_sliding(source, spec.n_layers(), kPeriod));
  for (size_t layer = 0; layer < sliding.size(); ++layer) {
    if (sliding[layer]) spec.layers[layer].window = window;
    spec.layers[layer].rope = sliding[layer] ? 1 : 0;
  }
  return {};
}

}  // namespace

const Architecture& gemma3_architecture() {
  static const Architecture architecture{
      .name = "gemma3",
      .hf_names = {"gemma3_text", "Gemma3ForCausalLM"},
      .gguf_name = "gemma3",
      .describe = describe,
      .names = joined({{{Role::kAttnPostNorm, "model.layers.{L}.post_attention_layernorm.weight", "blk.{L}.post_attention_norm.weight"},
                        {Role::kFfnNorm, "model.layers.{L}.pre_feedforward_layernorm.weight", "blk.{L}.ffn_norm.weight"},
                        {Role::kFfnPostNorm, "model.layers.{L}.post_feedforward_layernorm.weight", "blk.{L}.post_ffw_norm.weight"}},
                       without(llama_names(), Role::kFfnNorm),
                       qk_norm_names()}),
  };
  return architecture;
}

}  // namespace ondol
