// EXAONE 3.0 and 3.5: Llama's block under GPT-2's names (reference/exaone.md sections 1 and 2).
#include "model/arch_common.h"

namespace ondol {
namespace {

Status describe(const Source& source, ModelSpec& spec) {
  DimensionKeys keys;
  keys.layers = {"num_layers", "block_count"};
  if (!source.has(keys.layers)) keys.layers = {"num_hidden_layers", "block_count"};
  keys.norm_eps = {"layer_norm_epsilon", "attention.layer_norm_rms_epsilon"};
  if (!source.has(keys.norm_eps)) keys.norm_eps = {"rms_norm_eps", "attention.layer_norm_epsilon"};
  ONDOL_TRY_STATUS(read_dimensions(source, spec, keys));
  ONDOL_TRY_STATUS(require_activation(source, {"activation_function", ""}, {"silu", "swish"}));
  ONDOL_TRY(auto rope, read_rope(source, spec.head_dim, 10'000));
  spec.ropes.push_back(std::move(rope));
  return {};
}

}  // namespace

const Architecture& exaone_architecture() {
  static const Architecture architecture{
      .name = "exaone",
      .hf_names = {"exaone", "ExaoneForCausalLM"},
      .gguf_name = "exaone",
      .describe = describe,
      .names =
          {
              {Role::kEmbedding, "transformer.wte.weight", "token_embd.weight"},
              {Role::kFinalNorm, "transformer.ln_f.weight", "output_norm.weight"},
              {Role::kLmHead, "lm_head.weight", "output.weight"},
              {Role::kAttnNorm, "transformer.h.{L}.ln_1.weight", "blk.{L}.attn_norm.weight"},
              {Role::kFfnNorm, "transformer.h.{L}.ln_2.weight", "blk.{L}.ffn_norm.weight"},
              {Role::kQ, "transformer.h.{L}.attn.attention.q_proj.weight", "blk.{L}.attn_q.weight"},
              {Role::kK, "transformer.h.{L}.attn.attention.k_proj.weight", "blk.{L}.attn_k.weight"},
              {Role::kV, "transformer.h.{L}.attn.attention.v_proj.weight", "blk.{L}.attn_v.weight"},
              {Role::kO, "transformer.h.{L}.attn.attention.out_proj.weight", "blk.{L}.attn_output.weight"},
              {Role::kGate, "transformer.h.{L}.mlp.c_fc_0.weight", "blk.{L}.ffn_gate.weight"},
              {Role::kUp, "transformer.h.{L}.mlp.c_fc_1.weight", "blk.{L}.ffn_up.weight"},
              {Role::kDown, "transformer.h.{L}.mlp.c_proj.weight", "blk.{L}.ffn_down.weight"},
          },
  };
  return architecture;
}

}  // namespace ondol
