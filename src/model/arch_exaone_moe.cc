// K-EXAONE: pre-norm blocks, a norm on each q and k head, three sliding layers to one full without rotation, a sigmoid router with a
// correction bias over many experts, one shared expert, the first layers dense (reference/exaone.md sections 1 and 2).
#include <algorithm>

#include "model/arch_common.h"

namespace ondol {
namespace {

constexpr int64_t kMaxExperts = 4096;
constexpr int64_t kMaxExpertFfn = 1 << 20;
constexpr int kSigmoidGating = 2;  // of expert_gating_func in GGUF

Status read_router_kind(const Source& source) {
  ONDOL_TRY(const int gating, int_or(source, {"", "expert_gating_func"}, kSigmoidGating, 0, 1000));
  ONDOL_TRY(const auto scoring, source.string({"scoring_func", ""}));
  if (gating != kSigmoidGating || (scoring && *scoring != "sigmoid")) {
    return fail(Code::kUnimplemented, "the router scores experts with " +
                                          (scoring ? quoted(std::string_view(*scoring)) : "function " + std::to_string(gating)) +
                                          "; only the sigmoid is supported");
  }
  return {};
}

Status read_experts(const Source& source, ModelSpec& spec) {
  MoeSpec& moe = spec.moe;
  ONDOL_TRY(moe.experts, require_int(source, {"num_experts", "expert_count"}, 1, kMaxExperts));
  ONDOL_TRY(moe.top_k, require_int(source, {"num_experts_per_tok", "expert_used_count"}, 1, moe.experts));
  ONDOL_TRY(moe.expert_ffn, require_int(source, {"moe_intermediate_size", "expert_feed_forward_length"}, 1, kMaxExpertFfn));
  ONDOL_TRY(const int shared, int_or(source, {"num_shared_experts", "expert_shared_count"}, 0, 0, 1024));
  ONDOL_TRY(moe.shared_ffn, int_or(source, {"", "expert_shared_feed_forward_length"}, shared * moe.expert_ffn, 0, kMaxExpertFfn));
  if (shared == 0) moe.shared_ffn = 0;
  ONDOL_TRY(moe.groups, int_or(source, {"n_group", "expert_group_count"}, 1, 1, moe.experts));
  ONDOL_TRY(moe.top_groups, int_or(source, {"topk_group", "expert_group_used_count"}, 1, 1, moe.groups));
  if (moe.experts % moe.groups != 0 || moe.top_groups * (moe.experts / moe.groups) < moe.top_k) {
    return fail(Code::kInvalidArgument, std::to_string(moe.experts) + " experts in " + std::to_string(moe.groups) + " groups, " +
                                            std::to_string(moe.top_groups) + " of them open, cannot give " + std::to_string(moe.top_k) +
                                            " experts");
  }
  ONDOL_TRY(moe.normalize, boolean_or(source, {"norm_topk_prob", "expert_weights_norm"}, true));
  ONDOL_TRY(const double scale, number_or(source, {"routed_scaling_factor", "expert_weights_scale"}, 2.5, -1e6, 1e6));
  moe.scale = static_cast<float>(scale);
  return read_router_kind(source);
}

// Which layers have experts: newer configurations list mlp_layer_types, older ones is_moe_layer; else a number of dense layers in front
// (an older spelling says "first_last", but K-EXAONE's last layer has experts, so only the first are meant).
Status read_expert_layers(const Source& source, ModelSpec& spec) {
  const auto layers = static_cast<size_t>(spec.n_layers());
  const Key types{"mlp_layer_types", ""}, flags{"is_moe_layer", ""};
  ONDOL_TRY(const auto type_list, source.strings(types));
  ONDOL_TRY(const auto flag_list, source.integers(flags));
  const size_t listed = type_list ? type_list->size() : flag_list ? flag_list->size() : layers;
  if (listed != layers) {
    return fail(Code::kInvalidArgument, source.name_of(type_list ? types : flags) + " has " + std::to_string(listed) + " entries for " +
                                            std::to_string(layers) + " layers");
  }
  Key dense_key{"first_k_dense_replace", "leading_dense_block_count"};
  if (!source.has(dense_key)) dense_key = {"first_last_k_dense_replace", ""};
  ONDOL_TRY(const int dense, int_or(source, dense_key, 0, 0, spec.n_layers()));
  for (size_t layer = 0; layer < layers; ++layer) {
    if (type_list) {
      const std::string_view type = (*type_list)[layer];
      if (type != "sparse" && type != "dense") {
        return fail(Code::kInvalidArgument, source.name_of(types) + " names " + quoted(type) + "; sparse and dense are possible");
      }
      spec.layers[layer].moe = type == "sparse";
    } else {
      spec.layers[layer].moe = flag_list ? (*flag_list)[layer] != 0 : static_cast<int>(layer) >= dense;
    }
  }
  return {};
}

Status read_swiglu_limits(const Source& source, ModelSpec& spec) {
  const Key key{"swiglu_limits", "swiglu_clamp_exp"};
  ONDOL_TRY(const auto limits, source.numbers(key));
  if (!limits) return {};
  if (limits->size() < spec.layers.size()) {
    return fail(Code::kInvalidArgument, source.name_of(key) + " has " + std::to_string(limits->size()) + " entries for " +
                                            std::to_string(spec.layers.size()) + " layers");
  }
  for (size_t layer = 0; layer < spec.layers.size(); ++layer) {
    const double limit = (*limits)[layer];
    if (!(limit >= 0 && limit <= 1e6)) return fail(Code::kInvalidArgument, source.name_of(key) + " has a limit outside 0 to 1000000");
    spec.layers[layer].swiglu_limit = static_cast<float>(limit);
  }
  return {};
}

// GGUF files count the draft layers of multi-token prediction as blocks; they are not run.
Status drop_draft_layers(const Source& source, ModelSpec& spec) {
  ONDOL_TRY(const int drafts, int_or(source, {"", "nextn_predict_layers"}, 0, 0, 1024));
  const int main = spec.n_layers() - drafts;
  if (drafts == 0 || main < 1 || !source.has_tensor("blk." + std::to_string(main) + ".nextn.eh_proj.weight")) return {};
  spec.layers.resize(static_cast<size_t>(main));
  return {};
}

Status describe(const Source& source, ModelSpec& spec) {
  ONDOL_TRY_STATUS(read_dimensions(source, spec));
  ONDOL_TRY_STATUS(drop_draft_layers(source, spec));
  ONDOL_TRY_STATUS(require_activation(source, {"hidden_act", ""}, {"silu", "swish"}));
  spec.qk_norm = true;
  ONDOL_TRY(auto rope, read_rope(source, spec.head_dim, 1'000'000));
  spec.ropes.push_back(std::move(rope));
  ONDOL_TRY_STATUS(read_exaone_windows(source, spec));
  ONDOL_TRY_STATUS(read_experts(source, spec));
  ONDOL_TRY_STATUS(read_expert_layers(source, spec));
  return read_swiglu_limits(source, spec);
}

std::vector<TensorName> expert_names() {
  using Part = TensorName::Part;
  return {
      {Role::kRouter, "model.layers.{L}.mlp.gate.weight", "blk.{L}.ffn_gate_inp.weight"},
      {Role::kRouterBias, "model.layers.{L}.mlp.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"},
      {Role::kRouterBias, "model.layers.{L}.mlp.gate.e_score_correction_bias", "blk.{L}.exp_probs_b"},
      {Role::kExpertGate, "model.layers.{L}.mlp.experts.{E}.gate_proj.weight", "blk.{L}.ffn_gate_exps.weight"},
      {Role::kExpertUp, "model.layers.{L}.mlp.experts.{E}.up_proj.weight", "blk.{L}.ffn_up_exps.weight"},
      {Role::kExpertDown, "model.layers.{L}.mlp.experts.{E}.down_proj.weight", "blk.{L}.ffn_down_exps.weight"},
      {Role::kExpertGate, "model.layers.{L}.mlp.experts.gate_up_proj", "", Part::kFirstHalf},
      {Role::kExpertUp, "model.layers.{L}.mlp.experts.gate_up_proj", "", Part::kSecondHalf},
      {Role::kExpertDown, "model.layers.{L}.mlp.experts.down_proj", ""},
      {Role::kSharedGate, "model.layers.{L}.mlp.shared_experts.gate_proj.weight", "blk.{L}.ffn_gate_shexp.weight"},
      {Role::kSharedUp, "model.layers.{L}.mlp.shared_experts.up_proj.weight", "blk.{L}.ffn_up_shexp.weight"},
      {Role::kSharedDown, "model.layers.{L}.mlp.shared_experts.down_proj.weight", "blk.{L}.ffn_down_shexp.weight"},
  };
}

}  // namespace

const Architecture& exaone_moe_architecture() {
  static const Architecture architecture{
      .name = "exaone_moe",
      .hf_names = {"exaone_moe", "ExaoneMoeForCausalLM", "ExaoneMoEForCausalLM"},
      .gguf_name = "exaone-moe",
      .describe = describe,
      .names = joined({llama_names(), qk_norm_names(), expert_names()}),
      .ignored = {"mtp."},
  };
  return architecture;
}

}  // namespace ondol
