#include "model/arch_common.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace ondol {
namespace {

// Bounds: generous multiples of the largest published models (K-EXAONE 2: 78 layers; Llama 3.1 405B: hidden 16384, ffn 53248, 128 heads).
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxHidden = 65536;
constexpr int64_t kMaxHeads = 1024;
constexpr int64_t kMaxHeadDim = 1024;
constexpr int64_t kMaxFfn = 1 << 20;
constexpr int64_t kMaxVocab = 1 << 21;
constexpr int64_t kMaxContext = 1 << 27;

Status refuse_if_set(const Source& source, const Key& key, double harmless, std::string_view what) {
  const Kind kind = source.kind(key);
  if (kind == Kind::kAbsent) return {};
  if (kind == Kind::kInteger || kind == Kind::kNumber) {
    ONDOL_TRY(const auto value, source.number(key));
    if (*value == harmless) return {};
  }
  if (kind == Kind::kBoolean) {
    ONDOL_TRY(const auto value, source.boolean(key));
    if (!*value) return {};
  }
  return fail(Code::kUnimplemented, source.name_of(key) + " is set: " + std::string(what) + " is not supported");
}

Status refuse_unsupported(const Source& source, const ModelSpec& spec) {
  ONDOL_TRY_STATUS(refuse_if_set(source, {"quantization_config", ""}, -1, "a quantised Hugging Face checkpoint"));
  ONDOL_TRY_STATUS(refuse_if_set(source, {"attn_logit_softcapping", "attn_logit_softcapping"}, 0, "soft-capping of attention"));
  ONDOL_TRY_STATUS(refuse_if_set(source, {"final_logit_softcapping", "final_logit_softcapping"}, 0, "soft-capping of logits"));
  ONDOL_TRY_STATUS(refuse_if_set(source, {"partial_rotary_factor", ""}, 1, "rotating part of a head"));
  ONDOL_TRY_STATUS(refuse_if_set(source, {"mlp_bias", ""}, 0, "an MLP with biases"));
  ONDOL_TRY_STATUS(refuse_if_set(source, {"use_bidirectional_attention", ""}, 0, "attention that looks ahead"));
  ONDOL_TRY_STATUS(refuse_if_set(source, {"", "rope.dimension_count"}, spec.head_dim, "rotating part of a head"));
  return refuse_if_set(source, {"", "attention.value_length"}, spec.head_dim, "a value head of another width than the key head");
}

Result<int> read_vocab(const Source& source) {
  if (!source.is_gguf()) return require_int(source, {"vocab_size", ""}, 1, kMaxVocab);
  ONDOL_TRY(const Tensor embedding, source.tensor("token_embd.weight"));
  if (embedding.rows > kMaxVocab) {
    return fail(Code::kInvalidArgument, "token_embd.weight has " + std::to_string(embedding.rows) + " rows; at most " +
                                            std::to_string(kMaxVocab) + " are possible");
  }
  return static_cast<int>(embedding.rows);
}

Status read_heads(const Source& source, ModelSpec& spec) {
  ONDOL_TRY(spec.heads, require_int(source, {"num_attention_heads", "attention.head_count"}, 1, kMaxHeads));
  ONDOL_TRY(spec.kv_heads, int_or(source, {"num_key_value_heads", "attention.head_count_kv"}, spec.heads, 1, kMaxHeads));
  if (spec.heads % spec.kv_heads != 0) {
    return fail(Code::kInvalidArgument,
                std::to_string(spec.heads) + " attention heads cannot share " + std::to_string(spec.kv_heads) + " key-value heads evenly");
  }
  const Key head_dim{"head_dim", "attention.key_length"};
  ONDOL_TRY(spec.head_dim, int_or(source, head_dim, spec.hidden / spec.heads, 1, kMaxHeadDim));
  if (!source.has(head_dim) && spec.hidden % spec.heads != 0) {
    return fail(Code::kInvalidArgument, source.name_of(head_dim) + " is missing, and hidden size " + std::to_string(spec.hidden) +
                                            " is no multiple of " + std::to_string(spec.heads) + " heads");
  }
  if (spec.head_dim % 2 != 0 || spec.head_dim < 2 || spec.head_dim > kMaxHeadDim) {
    return fail(Code::kInvalidArgument, "a head of " + std::to_string(spec.head_dim) + " values cannot be rotated in pairs (2 to " +
                                            std::to_string(kMaxHeadDim) + ", even)");
  }
  spec.attn_scale = static_cast<float>(1.0 / std::sqrt(spec.head_dim));
  return {};
}

Status read_tied(const Source& source, ModelSpec& spec) {
  const bool head = source.has_tensor(source.is_gguf() ? "output.weight" : "lm_head.weight");
  ONDOL_TRY(spec.tied, boolean_or(source, {"tie_word_embeddings", ""}, !head));
  return {};
}

}  // namespace

Status read_dimensions(const Source& source, ModelSpec& spec, const DimensionKeys& keys) {
  ONDOL_TRY(const auto name, source.string({"", "general.name"}));
  spec.name = name.value_or("");
  ONDOL_TRY(const int layers, require_int(source, keys.layers, 1, kMaxLayers));
  ONDOL_TRY(spec.hidden, require_int(source, {"hidden_size", "embedding_length"}, 1, kMaxHidden));
  ONDOL_TRY_STATUS(read_heads(source, spec));
  ONDOL_TRY(spec.ffn, require_int(source, {"intermediate_size", "feed_forward_length"}, 1, kMaxFfn));
  ONDOL_TRY(spec.vocab, read_vocab(source));
  ONDOL_TRY(spec.max_context, require_int(source, {"max_position_embeddings", "context_length"}, 1, kMaxContext));
  ONDOL_TRY(const double eps, number_or(source, keys.norm_eps, 1e-6, 1e-12, 1e-1));
  spec.norm_eps = static_cast<float>(eps);
  ONDOL_TRY_STATUS(read_tied(source, spec));
  spec.layers.assign(static_cast<size_t>(layers), LayerSpec{});
  return refuse_unsupported(source, spec);
}

Status require_activation(const Source& source, const Key& key, std::vector<std::string_view> allowed) {
  ONDOL_TRY(const auto name, source.string(key));
  if (!name || std::find(allowed.begin(), allowed.end(), *name) != allowed.end()) return {};
  return fail(Code::kUnimplemented, source.name_of(key) + " is " + quoted(std::string_view(*name)) + "; this architecture runs with " +
                                        std::string(allowed.front()) + " only");
}

Status read_attention_bias(const Source& source, ModelSpec& spec) {
  const bool gguf = source.is_gguf();
  ONDOL_TRY(spec.qkv_bias, boolean_or(source, {"attention_bias", ""}, gguf && source.has_tensor("blk.0.attn_q.bias")));
  if (source.has_tensor(gguf ? "blk.0.attn_output.bias" : "model.layers.0.self_attn.o_proj.bias")) {
    return fail(Code::kUnimplemented, "the attention's output projection has a bias, which is not supported");
  }
  return {};
}

std::vector<TensorName> llama_names() {
  return {
      {Role::kEmbedding, "model.embed_tokens.weight", "token_embd.weight"},
      {Role::kFinalNorm, "model.norm.weight", "output_norm.weight"},
      {Role::kLmHead, "lm_head.weight", "output.weight"},
      {Role::kAttnNorm, "model.layers.{L}.input_layernorm.weight", "blk.{L}.attn_norm.weight"},
      {Role::kFfnNorm, "model.layers.{L}.post_attention_layernorm.weight", "blk.{L}.ffn_norm.weight"},
      {Role::kQ, "model.layers.{L}.self_attn.q_proj.weight", "blk.{L}.attn_q.weight"},
      {Role::kK, "model.layers.{L}.self_attn.k_proj.weight", "blk.{L}.attn_k.weight"},
      {Role::kV, "model.layers.{L}.self_attn.v_proj.weight", "blk.{L}.attn_v.weight"},
      {Role::kO, "model.layers.{L}.self_attn.o_proj.weight", "blk.{L}.attn_output.weight"},
      {Role::kGate, "model.layers.{L}.mlp.gate_proj.weight", "blk.{L}.ffn_gate.weight"},
      {Role::kUp, "model.layers.{L}.mlp.up_proj.weight", "blk.{L}.ffn_up.weight"},
      {Role::kDown, "model.layers.{L}.mlp.down_proj.weight", "blk.{L}.ffn_down.weight"},
  };
}

std::vector<TensorName> qk_norm_names() {
  return {
      {Role::kQNorm, "model.layers.{L}.self_attn.q_norm.weight", "blk.{L}.attn_q_norm.weight"},
      {Role::kKNorm, "model.layers.{L}.self_attn.k_norm.weight", "blk.{L}.attn_k_norm.weight"},
  };
}

std::vector<TensorName> qkv_bias_names() {
  return {
      {Role::kQBias, "model.layers.{L}.self_attn.q_proj.bias", "blk.{L}.attn_q.bias"},
      {Role::kKBias, "model.layers.{L}.self_attn.k_proj.bias", "blk.{L}.attn_k.bias"},
      {Role::kVBias, "model.layers.{L}.self_attn.v_proj.bias", "blk.{L}.attn_v.bias"},
  };
}

std::vector<TensorName> without(std::vector<TensorName> names, Role role) {
  std::erase_if(names, [role](const TensorName& name) { return name.role == role; });
  return names;
}

std::vector<TensorName> joined(std::vector<std::vector<TensorName>> lists) {
  std::vector<TensorName> out;
  for (const auto& list : lists) out.insert(out.end(), list.begin(), list.end());
  return out;
}

}  // namespace ondol
