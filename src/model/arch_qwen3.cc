// Qwen 3 (dense): Qwen 2 without the biases, with a norm on each q and k head.
#include "model/arch_common.h"

namespace ondol {
namespace {

Status describe(const Source& source, ModelSpec& spec) {
  ONDOL_TRY_STATUS(read_dimensions(source, spec));
  ONDOL_TRY_STATUS(require_activation(source, {"hidden_act", ""}, {"silu", "swish"}));
  ONDOL_TRY_STATUS(read_attention_bias(source, spec));
  spec.qk_norm = true;
  ONDOL_TRY(auto rope, read_rope(source, spec.head_dim, 10'000));
  spec.ropes.push_back(std::move(rope));
  return read_qwen_windows(source, spec);
}

}  // namespace

const Architecture& qwen3_architecture() {
  static const Architecture architecture{
      .name = "qwen3",
      .hf_names = {"qwen3", "Qwen3ForCausalLM"},
      .gguf_name = "qwen3",
      .describe = describe,
      .names = joined({llama_names(), qk_norm_names(), qkv_bias_names()}),
  };
  return architecture;
}

}  // namespace ondol
