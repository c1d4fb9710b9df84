// Llama 2 and 3, SmolLM, TinyLlama and what else calls itself "llama".
#include "model/arch_common.h"

namespace ondol {
namespace {

Status describe(const Source& source, ModelSpec& spec) {
  ONDOL_TRY_STATUS(read_dimensions(source, spec));
  ONDOL_TRY_STATUS(require_activation(source, {"hidden_act", ""}, {"silu", "swish"}));
  ONDOL_TRY_STATUS(read_attention_bias(source, spec));
  ONDOL_TRY(const int experts, int_or(source, {"num_local_experts", "expert_count"}, 0, 0, 1 << 20));
  if (experts > 0) return fail(Code::kUnimplemented, "a Llama with " + std::to_string(experts) + " experts (Mixtral) is not supported");
  ONDOL_TRY(auto rope, read_rope(source, spec.head_dim, 10'000));
  spec.ropes.push_back(std::move(rope));
  return {};
}

}  // namespace

const Architecture& llama_architecture() {
  static const Architecture architecture{
      .name = "llama",
      .hf_names = {"llama", "LlamaForCausalLM"},
      .gguf_name = "llama",
      .gguf_interleaves_rope = true,
      .describe = describe,
      .names = joined({llama_names(), qkv_bias_names()}),
  };
  return architecture;
}

}  // namespace ondol
