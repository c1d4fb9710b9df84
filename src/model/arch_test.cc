#include "model/arch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "model/arch_config_test_util.h"

namespace ondol {
namespace {

// One entry per layer: window, then rope index; "128:0 0:-1".
std::string layer_text(const ModelSpec& spec) {
  std::string out;
  for (const LayerSpec& layer : spec.layers) {
    out += (out.empty() ? "" : " ") + std::to_string(layer.window) + ":" + std::to_string(layer.rope) + (layer.moe ? "m" : "");
  }
  return out;
}

TEST(Arch, ListsTheKnownOnes) {
  EXPECT_EQ(architecture_names(), (std::vector<std::string_view>{"llama", "qwen2", "qwen3", "gemma3", "exaone", "exaone4", "exaone_moe"}));
}

TEST(Arch, FindsByTypeAndByEitherSpellingOfTheClass) {
  const auto arch = [](const std::string& config) {
    const auto source = parse_hf_config(config);
    const auto found = find_architecture(**source);
    return found ? std::string((*found)->name) : found.error().message;
  };
  EXPECT_EQ(arch(R"({"model_type":"exaone4"})"), "exaone4");
  EXPECT_EQ(arch(R"({"architectures":["ExaoneMoEForCausalLM"]})"), "exaone_moe");
  EXPECT_EQ(arch(R"({"architectures":["ExaoneMoeForCausalLM"]})"), "exaone_moe");
  EXPECT_EQ(arch(R"({"model_type":"unheard_of","architectures":["LlamaForCausalLM"]})"), "llama");
  EXPECT_NE(arch(R"({"model_type":"mamba2"})").find("\"mamba2\" is not supported; known are llama, qwen2"), std::string::npos);
  EXPECT_NE(arch(R"({"model_type":7})").find("names no architecture"), std::string::npos);
  EXPECT_NE(arch(R"({"model_type":"gemma3","vision_config":{}})").find("vision_config"), std::string::npos);
}

TEST(Arch, LlamaDefaults) {
  const ModelSpec spec = describe_hf("llama", {});
  EXPECT_EQ(spec.head_dim, 16) << "hidden / heads";
  EXPECT_FLOAT_EQ(spec.attn_scale, 0.25f);
  EXPECT_TRUE(spec.pre_norm);
  EXPECT_FALSE(spec.post_norm || spec.qk_norm || spec.qkv_bias);
  EXPECT_EQ(spec.norm_offset, 0.0f);
  EXPECT_TRUE(spec.tied) << "no lm_head among the weights";
  EXPECT_EQ(layer_text(spec), "0:0 0:0 0:0 0:0");
  EXPECT_TRUE(describe_hf("llama", {{"attention_bias", "true"}}).qkv_bias);
  EXPECT_FALSE(describe_hf("llama", {{"tie_word_embeddings", "false"}}).tied);
  EXPECT_EQ(describe_hf("llama", {{"head_dim", "32"}}).q_width(), 128) << "wider than hidden";
  EXPECT_EQ(describe_hf("llama", {{"head_dim", "null"}}).head_dim, 16);
  EXPECT_EQ(describe_hf("llama", {{"num_key_value_heads", "null"}}).kv_heads, 4);
}

TEST(Arch, RopeInOldAndNewPlaces) {
  const auto second = [](const Changes& changes) { return describe_hf("llama", changes).ropes[0].inv_freq[1]; };
  const auto expected = [](double theta) { return static_cast<float>(std::pow(theta, -1.0 / 8)); };
  EXPECT_FLOAT_EQ(second({}), expected(10'000));
  EXPECT_FLOAT_EQ(second({{"rope_theta", "500000"}}), expected(500'000));
  EXPECT_FLOAT_EQ(second({{"rope_theta", "500"}, {"rope_scaling", "null"}}), expected(500));
  EXPECT_FLOAT_EQ(second({{"rope_theta", "500"}, {"rope_scaling", R"({"type":"linear","factor":4})"}}), expected(500) / 4);
  EXPECT_FLOAT_EQ(second({{"rope_parameters", R"({"rope_type":"linear","factor":4,"rope_theta":700})"}}), expected(700) / 4);
  const std::string llama3 = R"("factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8)";
  const auto old_place = describe_hf("llama", {{"rope_theta", "500"}, {"rope_scaling", R"({"rope_type":"llama3",)" + llama3 + "}"}});
  const auto new_place = describe_hf("llama", {{"rope_parameters", R"({"rope_type":"llama3","rope_theta":500,)" + llama3 + "}"}});
  EXPECT_EQ(old_place.ropes[0].inv_freq, new_place.ropes[0].inv_freq);
  EXPECT_FLOAT_EQ(old_place.ropes[0].inv_freq[7], static_cast<float>(std::pow(500.0, -7.0 / 8) / 8));
}

TEST(Arch, QwenWindowsOnlyWhenUsed) {
  EXPECT_TRUE(describe_hf("qwen2", {}).qkv_bias);
  EXPECT_EQ(layer_text(describe_hf("qwen2", {{"sliding_window", "8"}})), "0:0 0:0 0:0 0:0");
  EXPECT_EQ(layer_text(describe_hf("qwen2", {{"sliding_window", "8"}, {"use_sliding_window", "true"}, {"max_window_layers", "2"}})),
            "0:0 0:0 8:0 8:0");
  EXPECT_EQ(
      layer_text(describe_hf("qwen3", {{"sliding_window", "8"},
                                       {"use_sliding_window", "true"},
                                       {"layer_types", R"(["full_attention","sliding_attention","full_attention","full_attention"])"}})),
      "0:0 8:0 0:0 0:0");
  EXPECT_TRUE(describe_hf("qwen3", {}).qk_norm);
  EXPECT_FALSE(describe_hf("qwen3", {}).qkv_bias);
}

TEST(Arch, Gemma3OldAndNewConfigurations) {
  const ModelSpec old_style = describe_hf("gemma3_text", {{"sliding_window", "8"},
                                                          {"sliding_window_pattern", "2"},
                                                          {"rope_theta", "1000000"},
                                                          {"rope_local_base_freq", "5000"},
                                                          {"rope_scaling", R"({"rope_type":"linear","factor":8})"},
                                                          {"query_pre_attn_scalar", "64"}});
  EXPECT_EQ(layer_text(old_style), "8:1 0:0 8:1 0:0");
  EXPECT_FLOAT_EQ(old_style.ropes[0].inv_freq[0], 0.125f) << "only the full layers are stretched";
  EXPECT_FLOAT_EQ(old_style.ropes[1].inv_freq[0], 1.0f);
  EXPECT_FLOAT_EQ(old_style.ropes[1].inv_freq[1], static_cast<float>(std::pow(5000.0, -1.0 / 8)));
  EXPECT_FLOAT_EQ(old_style.attn_scale, 0.125f);
  EXPECT_FLOAT_EQ(old_style.embed_scale, 8.0f);
  EXPECT_EQ(old_style.norm_offset, 1.0f);
  EXPECT_EQ(old_style.activation, Activation::kGeluTanh);
  const ModelSpec new_style = describe_hf("gemma3_text", {{"sliding_window", "8"},
                                                          {"rope_parameters",
                                                           R"({"full_attention":{"rope_theta":1000000,"rope_type":"linear","factor":8},
                                                               "sliding_attention":{"rope_theta":5000,"rope_type":"default"}})"}});
  EXPECT_EQ(layer_text(new_style), "8:1 8:1 8:1 8:1") << "period 6 by default";
  EXPECT_EQ(new_style.ropes[0].inv_freq, old_style.ropes[0].inv_freq);
  EXPECT_EQ(new_style.ropes[1].inv_freq, old_style.ropes[1].inv_freq);
}

TEST(Arch, Exaone4WindowsAndRotation) {
  EXPECT_EQ(layer_text(describe_hf("exaone4", {{"sliding_window", "null"}, {"sliding_window_pattern", "0"}})), "0:0 0:0 0:0 0:0");
  EXPECT_EQ(layer_text(describe_hf("exaone4", {{"sliding_window", "null"}, {"sliding_window_pattern", "4"}})), "0:0 0:0 0:0 0:0");
  EXPECT_EQ(layer_text(describe_hf("exaone4", {{"sliding_window", "8"}, {"sliding_window_pattern", "4"}})), "8:0 8:0 8:0 0:-1");
  EXPECT_EQ(layer_text(describe_hf("exaone4", {{"sliding_window", "8"}, {"sliding_window_pattern", "\"LG\""}})), "8:0 0:-1 8:0 0:-1");
  EXPECT_EQ(layer_text(describe_hf("exaone4", {{"sliding_window", "8"}})), "8:0 8:0 8:0 0:-1") << "LLLG by default";
  EXPECT_EQ(
      layer_text(describe_hf("exaone4", {{"sliding_window", "8"},
                                         {"sliding_window_pattern", "4"},
                                         {"layer_types", R"(["full_attention","sliding_attention","full_attention","full_attention"])"}})),
      "0:-1 8:0 0:-1 0:-1")
      << "layer_types wins";
  const ModelSpec spec = describe_hf("exaone4", {});
  EXPECT_TRUE(!spec.pre_norm && spec.post_norm && spec.qk_norm);
}

TEST(Arch, Exaone3UnderItsOwnKeys) {
  const ModelSpec spec = describe_hf(
      "exaone", {{"num_hidden_layers", "null"}, {"num_layers", "2"}, {"rms_norm_eps", "null"}, {"layer_norm_epsilon", "0.001"}});
  EXPECT_EQ(layer_text(spec), "0:0 0:0");
  EXPECT_FLOAT_EQ(spec.norm_eps, 1e-3f);
  EXPECT_TRUE(spec.pre_norm && !spec.qk_norm);
}

Changes moe(Changes changes) {
  Changes all = {{"sliding_window", "8"},         {"num_experts", "8"},        {"num_experts_per_tok", "2"},
                 {"moe_intermediate_size", "32"}, {"num_shared_experts", "1"}, {"first_k_dense_replace", "1"}};
  all.insert(all.end(), changes.begin(), changes.end());
  return all;
}

TEST(Arch, KExaoneExpertsUnderOldAndNewKeys) {
  const ModelSpec spec = describe_hf("exaone_moe", moe({{"routed_scaling_factor", "2.5"}, {"norm_topk_prob", "true"}}));
  EXPECT_EQ(layer_text(spec), "8:0 8:0m 8:0m 0:-1m");
  EXPECT_EQ(spec.moe.experts, 8);
  EXPECT_EQ(spec.moe.top_k, 2);
  EXPECT_EQ(spec.moe.expert_ffn, 32);
  EXPECT_EQ(spec.moe.shared_ffn, 32);
  EXPECT_EQ(spec.moe.scale, 2.5f);
  EXPECT_TRUE(spec.moe.normalize && spec.pre_norm && spec.qk_norm);
  EXPECT_EQ(layer_text(describe_hf("exaone_moe", moe({{"first_k_dense_replace", "null"}, {"first_last_k_dense_replace", "2"}}))),
            "8:0 8:0 8:0m 0:-1m");
  EXPECT_EQ(layer_text(describe_hf("exaone_moe", moe({{"is_moe_layer", "[false,true,false,true]"}}))), "8:0 8:0m 8:0 0:-1m");
  EXPECT_EQ(layer_text(describe_hf("exaone_moe", moe({{"is_moe_layer", "[0,1,1,0]"}}))), "8:0 8:0m 8:0m 0:-1");
  EXPECT_EQ(layer_text(describe_hf("exaone_moe", moe({{"mlp_layer_types", R"(["dense","dense","sparse","sparse"])"}}))),
            "8:0 8:0 8:0m 0:-1m");
  EXPECT_EQ(describe_hf("exaone_moe", moe({{"num_shared_experts", "0"}})).moe.shared_ffn, 0);
}

TEST(Arch, KExaone2WindowsAndClampsPerLayer) {
  const ModelSpec spec = describe_hf("exaone_moe", moe({{"sliding_windows", "[128,0,4096,128]"}, {"swiglu_limits", "[0,0,7.0,0]"}}));
  EXPECT_EQ(layer_text(spec), "128:0 0:-1m 4096:0m 128:0m");
  EXPECT_EQ(spec.layers[2].swiglu_limit, 7.0f);
  EXPECT_EQ(spec.layers[3].swiglu_limit, 0.0f);
}

TEST(Arch, ExpertGroups) {
  const ModelSpec spec = describe_hf("exaone_moe", moe({{"n_group", "4"}, {"topk_group", "2"}}));
  EXPECT_EQ(spec.moe.groups, 4);
  EXPECT_EQ(spec.moe.top_groups, 2);
  EXPECT_NE(describe_error("exaone_moe", moe({{"n_group", "3"}})).find("8 experts in 3 groups"), std::string::npos);
  EXPECT_NE(describe_error("exaone_moe", moe({{"n_group", "8"}, {"topk_group", "1"}})).find("cannot give 2"), std::string::npos);
}

struct Hostile {
  const char* type;
  const char* key;
  const char* value;
  const char* expected;
};

// clang-format off
constexpr Hostile kHostile[] = {
    {"llama", "hidden_size", "\"64\"", "\"hidden_size\" must be an integer"},
    {"llama", "hidden_size", "64.5", "\"hidden_size\" must be an integer"},
    {"llama", "hidden_size", "true", "\"hidden_size\" must be an integer"},
    {"llama", "hidden_size", "[]", "\"hidden_size\" must be an integer"},
    {"llama", "hidden_size", "null", "\"hidden_size\" is missing"},
    {"llama", "hidden_size", "0", "\"hidden_size\" is 0; 1 to 65536"},
    {"llama", "hidden_size", "-64", "\"hidden_size\" is -64"},
    {"llama", "hidden_size", "9223372036854775807", "65536 are possible"},
    {"llama", "hidden_size", "18446744073709551615", "must be an integer"},
    {"llama", "hidden_size", "66", "no multiple of 4 heads"},
    {"llama", "hidden_size", "60", "a head of 15 values"},
    {"llama", "num_hidden_layers", "1025", "1024 are possible"},
    {"llama", "num_attention_heads", "0", "\"num_attention_heads\" is 0"},
    {"llama", "num_key_value_heads", "3", "cannot share 3"},
    {"llama", "num_key_value_heads", "8", "cannot share 8"},
    {"llama", "head_dim", "7", "cannot be rotated"},
    {"llama", "head_dim", "-2", "\"head_dim\" is -2"},
    {"llama", "vocab_size", "4294967296", "\"vocab_size\" is 4294967296"},
    {"llama", "max_position_embeddings", "-1", "\"max_position_embeddings\" is -1"},
    {"llama", "rms_norm_eps", "0", "\"rms_norm_eps\" is 0"},
    {"llama", "rms_norm_eps", "-1e-5", "\"rms_norm_eps\" is -"},
    {"llama", "rms_norm_eps", "\"NaN\"", "must be a finite number"},
    {"llama", "rope_theta", "0", "\"rope_theta\" is 0"},
    {"llama", "rope_theta", "1e300", "\"rope_theta\" is 1"},
    {"llama", "rope_scaling", R"({"rope_type":"yarn","factor":4})", "\"yarn\" is not supported"},
    {"llama", "rope_scaling", R"({"type":"dynamic","factor":4})", "\"dynamic\" is not supported"},
    {"llama", "rope_scaling", R"({"rope_type":"llama3","factor":8})", "low_freq_factor\" is missing"},
    {"llama", "rope_scaling", R"({"rope_type":"linear"})", "factor\" is missing"},
    {"llama", "rope_scaling", R"({"rope_type":"linear","factor":0})", "factor\" is 0"},
    {"llama", "rope_scaling", R"({"rope_type":5})", "rope_type\" must be a string"},
    {"llama", "rope_parameters", R"({"rope_theta":"x"})", "rope_theta\" must be a finite number"},
    {"llama", "rope_parameters", R"({"partial_rotary_factor":0.5})", "part of a head is not supported"},
    {"llama", "partial_rotary_factor", "0.5", "part of a head is not supported"},
    {"llama", "hidden_act", "\"relu\"", "\"relu\"; this architecture runs with silu only"},
    {"llama", "mlp_bias", "true", "an MLP with biases is not supported"},
    {"llama", "num_local_experts", "8", "8 experts"},
    {"llama", "quantization_config", R"({"quant_method":"awq"})", "quantised Hugging Face checkpoint"},
    {"llama", "tie_word_embeddings", "1", "must be true or false"},
    {"gemma3_text", "final_logit_softcapping", "30.0", "soft-capping of logits is not supported"},
    {"gemma3_text", "attn_logit_softcapping", "50.0", "soft-capping of attention is not supported"},
    {"gemma3_text", "use_bidirectional_attention", "true", "looks ahead"},
    {"gemma3_text", "query_pre_attn_scalar", "0", "\"query_pre_attn_scalar\" is 0"},
    {"gemma3_text", "hidden_activation", "\"gelu\"", "gelu_pytorch_tanh only"},
    {"gemma3_text", "sliding_window_pattern", "-1", "\"sliding_window_pattern\" is -1"},
    {"gemma3_text", "sliding_window_pattern", "1.5", "must be an integer"},
    {"qwen2", "use_sliding_window", "\"yes\"", "must be true or false"},
    {"exaone4", "layer_types", R"(["full_attention"])", "has 1 entries for 4 layers"},
    {"exaone4", "layer_types", R"(["full_attention","a","b","c"])", "names \"a\""},
    {"exaone4", "layer_types", "[1,2,3,4]", "must be a list of strings"},
    {"exaone4", "layer_types", R"(["sliding_attention","full_attention","full_attention","full_attention"])", "layer 0 slides, but"},
    {"exaone4", "sliding_window", "-5", "\"sliding_window\" is -5"},
    {"exaone_moe", "num_experts", "100000", "\"num_experts\" is 100000"},
    {"exaone_moe", "num_experts_per_tok", "9", "\"num_experts_per_tok\" is 9; 1 to 8"},
    {"exaone_moe", "num_experts_per_tok", "0", "\"num_experts_per_tok\" is 0"},
    {"exaone_moe", "mlp_layer_types", R"(["dense","x","dense","dense"])", "names \"x\""},
    {"exaone_moe", "is_moe_layer", "[true]", "has 1 entries for 4 layers"},
    {"exaone_moe", "first_k_dense_replace", "5", "\"first_k_dense_replace\" is 5"},
    {"exaone_moe", "scoring_func", "\"softmax\"", "\"softmax\"; only the sigmoid"},
    {"exaone_moe", "swiglu_limits", "[1,2]", "has 2 entries for 4 layers"},
    {"exaone_moe", "swiglu_limits", "[1,2,3,-4]", "outside 0 to"},
    {"exaone_moe", "sliding_windows", "[1]", "has 1 entries for 4 layers"},
    {"exaone_moe", "sliding_windows", "[1,2,3,-4]", "a window of -4 keys"},
};
// clang-format on

TEST(Arch, HostileConfigurationsGetPreciseErrors) {
  for (const Hostile& hostile : kHostile) {
    auto changes = std::string_view(hostile.type) == "exaone_moe" ? moe({}) : Changes();
    if (std::string_view(hostile.key) == "layer_types") changes.emplace_back("sliding_window", "null");
    changes.emplace_back(hostile.key, hostile.value);
    const std::string error = describe_error(hostile.type, changes);
    EXPECT_NE(error.find(hostile.expected), std::string::npos)
        << hostile.type << " " << hostile.key << " = " << hostile.value << "\nexpected: " << hostile.expected << "\n     got: " << error;
  }
}

TEST(Arch, ConfigurationsThatAreNoJsonObject) {
  for (const char* text : {"", "{", "[]", "3", "nul", "{\"a\":NaN}", "{\"a\":1}}", "\xFF"}) EXPECT_FALSE(parse_hf_config(text)) << text;
  EXPECT_FALSE(parse_hf_config(std::string(100'000, '[')));
  EXPECT_TRUE(parse_hf_config(" {} \n"));
}

}  // namespace
}  // namespace ondol
