// EXAONE 4.0: norms only behind attention and MLP, a norm on each q and k head, three sliding layers to one full without rotation
// (reference/exaone.md sections 1 and 2).
#include "model/arch_common.h"

namespace ondol {
namespace {

Status describe(const Source& source, ModelSpec& spec) {
  ONDOL_TRY_STATUS(read_dimensions(source, spec));
  ONDOL_TRY_STATUS(require_activation(source, {"hidden_act", ""}, {"silu", "swish"}));
  spec.pre_norm = false;
  spec.post_norm = true;
  spec.qk_norm = true;
  ONDOL_TRY(auto rope, read_rope(source, spec.head_dim, 1'000'000));
  spec.ropes.push_back(std::move(rope));
  return read_exaone_windows(source, spec);
}

}  // namespace

const Architecture& exaone4_architecture() {
  static const Architecture architecture{
      .name = "exaone4",
      .hf_names = {"exaone4", "Exaone4ForCausalLM"},
      .gguf_name = "exaone4",
      .describe = describe,
      .names = joined({{{Role::kAttnPostNorm, "model.layers.{L}.post_attention_layernorm.weight", "blk.{L}.post_attention_norm.weight"},
                        {Role::kFfnPostNorm, "model.layers.{L}.post_feedforward_layernorm.weight", "blk.{L}.post_ffw_norm.weight"}},
                       without(without(llama_names(), Role::kAttnNorm), Role::kFfnNorm),
                       qk_norm_names()}),
      .ignored = {"mtp."},
  };
  return architecture;
}

}  // namespace ondol
