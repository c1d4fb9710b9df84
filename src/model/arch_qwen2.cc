// Qwen 2 and 2.5: Llama's block with biases on q, k and v.
#include "model/arch_common.h"

namespace ondol {
namespace {

Status describe(const Source& source, ModelSpec& spec) {
  ONDOL_TRY_STATUS(read_dimensions(source, spec));
  ONDOL_TRY_STATUS(require_activation(source, {"hidden_act", ""}, {"silu", "swish"}));
  spec.qkv_bias = true;
  ONDOL_TRY(auto rope, read_rope(source, spec.head_dim, 10'000));
  spec.ropes.push_back(std::move(rope));
  return read_qwen_windows(source, spec);
}

}  // namespace

const Architecture& qwen2_architecture() {
  static const Architecture architecture{
      .name = "qwen2",
      .hf_names = {"qwen2", "Qwen2ForCausalLM"},
      .gguf_name = "qwen2",
      .describe = describe,
      .names = joined({llama_names(), qkv_bias_names()}),
  };
  return architecture;
}

}  // namespace ondol
