#include "model/model.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>

#include "model/arch_config_test_util.h"
#include "model/json_file.h"
#include "model/model_files_test_util.h"
#include "model/temp_folder_test_util.h"
#include "model/tokenizer.h"

namespace ondol {
namespace {

const std::string kModels = ONDOL_SOURCE_DIR "/tests/models/";

std::unique_ptr<Model> open(const std::string& path) {
  auto model = Model::open(path);
  EXPECT_TRUE(model) << model.error().message;
  return model ? std::move(*model) : nullptr;
}

std::string open_error(const std::string& path) {
  const auto model = Model::open(path);
  return model ? "opened" : model.error().message;
}

int64_t value(const boost::json::object& config, const char* key, int64_t fallback = -1) {
  const auto* found = config.if_contains(key);
  return found != nullptr && found->is_int64() ? found->get_int64() : fallback;
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, SpecAgreesWithTheConfiguration) {
  const auto model = open(kModels + GetParam());
  ASSERT_NE(model, nullptr);
  const auto config = parse_json_object(*read_text_file(kModels + GetParam() + "/config.json", 1 << 20), "config.json");
  ASSERT_TRUE(config);
  const ModelSpec& spec = model->spec();
  EXPECT_EQ(spec.n_layers(), value(*config, "num_hidden_layers"));
  EXPECT_EQ(spec.hidden, value(*config, "hidden_size"));
  EXPECT_EQ(spec.heads, value(*config, "num_attention_heads"));
  EXPECT_EQ(spec.kv_heads, value(*config, "num_key_value_heads"));
  EXPECT_EQ(spec.head_dim, value(*config, "head_dim", spec.hidden / spec.heads));
  EXPECT_EQ(spec.ffn, value(*config, "intermediate_size"));
  EXPECT_EQ(spec.vocab, value(*config, "vocab_size"));
  EXPECT_EQ(spec.max_context, value(*config, "max_position_embeddings"));
  EXPECT_FLOAT_EQ(spec.norm_eps, static_cast<float>(config->at("rms_norm_eps").as_double()));
  EXPECT_EQ(spec.tied, config->at("tie_word_embeddings").as_bool());
  for (int layer = 0; layer < spec.n_layers(); ++layer) {
    const auto* types = config->if_contains("layer_types");
    const bool sliding = types != nullptr && types->as_array()[static_cast<size_t>(layer)].as_string() == "sliding_attention";
    EXPECT_EQ(spec.layers[static_cast<size_t>(layer)].window, sliding ? value(*config, "sliding_window") : 0) << layer;
  }
  EXPECT_EQ(model->stop_tokens(), std::vector<int32_t>{2});
  EXPECT_EQ(model->format(), "safetensors");
  EXPECT_EQ(model->quantization(), "F32");
  EXPECT_FALSE(model->interleaved_rope_rows());
  EXPECT_EQ(model->tokenizer(), nullptr);
  EXPECT_NE(model->tokenizer_error().find("no tokenizer.json"), std::string::npos);
  EXPECT_LT(model->parameter_count() * 4, model->file_bytes());
  EXPECT_GT(model->parameter_count() * 4, model->file_bytes() * 9 / 10);
  model->drop_resident();
}

TEST_P(Golden, EveryImpliedWeightIsThere) {
  const auto model = open(kModels + GetParam());
  ASSERT_NE(model, nullptr);
  const ModelSpec& s = model->spec();
  const auto shape = [&](Role role, int layer, int expert = -1) {
    const auto tensor = model->weight(role, layer, expert);
    EXPECT_TRUE(tensor) << tensor.error().message;
    return tensor ? std::pair(tensor->rows, tensor->cols) : std::pair(int64_t{0}, int64_t{0});
  };
  const auto is = [](int64_t rows, int64_t cols) { return std::pair(rows, cols); };
  EXPECT_EQ(shape(Role::kEmbedding, -1), is(s.vocab, s.hidden));
  EXPECT_EQ(shape(Role::kFinalNorm, -1), is(1, s.hidden));
  EXPECT_EQ(model->weight(Role::kLmHead).has_value(), !s.tied);
  for (int layer = 0; layer < s.n_layers(); ++layer) {
    EXPECT_EQ(shape(Role::kQ, layer), is(s.q_width(), s.hidden));
    EXPECT_EQ(shape(Role::kO, layer), is(s.hidden, s.q_width()));
    EXPECT_EQ(model->weight(Role::kAttnNorm, layer).has_value(), s.pre_norm);
    EXPECT_EQ(model->weight(Role::kFfnPostNorm, layer).has_value(), s.post_norm);
    EXPECT_EQ(model->weight(Role::kQNorm, layer).has_value(), s.qk_norm);
    EXPECT_EQ(model->weight(Role::kVBias, layer).has_value(), s.qkv_bias);
    const bool moe = s.layers[static_cast<size_t>(layer)].moe;
    EXPECT_EQ(model->weight(Role::kDown, layer).has_value(), !moe);
    if (!moe) continue;
    EXPECT_EQ(shape(Role::kRouter, layer), is(s.moe.experts, s.hidden));
    EXPECT_EQ(shape(Role::kExpertUp, layer, s.moe.experts - 1), is(s.moe.expert_ffn, s.hidden));
    EXPECT_EQ(shape(Role::kSharedDown, layer), is(s.hidden, s.moe.shared_ffn));
  }
}

INSTANTIATE_TEST_SUITE_P(Seven, Golden,
                         testing::Values("llama", "qwen2", "qwen3", "gemma3", "exaone4-dense-tied", "exaone4-hybrid", "exaone-moe"));

TEST(Model, ExaoneHybridRotatesOnlySlidingLayers) {
  const auto model = open(kModels + "exaone4-hybrid");
  ASSERT_NE(model, nullptr);
  for (const LayerSpec& layer : model->spec().layers) EXPECT_EQ(layer.rope, layer.window > 0 ? 0 : -1);
  const auto dense = open(kModels + "exaone4-dense-tied");
  ASSERT_NE(dense, nullptr);
  for (const LayerSpec& layer : dense->spec().layers) EXPECT_EQ(layer.rope, 0);
}

TEST(Model, GgufFile) {
  const TempFolder folder;
  TinyGguf tiny;
  tiny.key([](GgufWriter& w) {
    w.string("general.license", "apache-2.0");
    w.string("tokenizer.chat_template", "{{ messages }}");
    w.u32("tokenizer.ggml.eos_token_id", 7);
    w.u32("tokenizer.ggml.eot_token_id", 3);
    w.f32("general.sampling.temp", 0.5f);
    w.i32("general.sampling.top_k", 20);
  });
  const auto model = open(folder.write("m.gguf", tiny.writer().bytes()));
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(model->interleaved_rope_rows());
  EXPECT_EQ(model->format(), "GGUF v3");
  EXPECT_EQ(model->license(), "apache-2.0");
  EXPECT_EQ(model->chat_template(), "{{ messages }}");
  EXPECT_EQ(model->stop_tokens(), (std::vector<int32_t>{3, 7}));
  EXPECT_EQ(model->sampling_defaults().temperature, 0.5f);
  EXPECT_EQ(model->sampling_defaults().top_k, 20);
  EXPECT_EQ(model->sampling_defaults().top_p, -1.0f);
  EXPECT_EQ(model->tokenizer(), nullptr) << "a file without a vocabulary still opens";
  EXPECT_NE(model->tokenizer_error(), "");
  // Embedding, final norm, and per layer: two norms, q, k, v, o, three of the MLP.
  EXPECT_EQ(model->parameter_count(), 32u * 64 + 64 + 2 * (2u * 64 + 64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 96 * 64));
  TinyGguf qwen("qwen2");
  for (int layer = 0; layer < 2; ++layer) {
    qwen.tensors[qwen.block(layer, "attn_q.bias")] = {64};
    qwen.tensors[qwen.block(layer, "attn_k.bias")] = {32};
    qwen.tensors[qwen.block(layer, "attn_v.bias")] = {32};
  }
  EXPECT_FALSE(open(folder.write("q.gguf", qwen.writer().bytes()))->interleaved_rope_rows());
}

// A folder that opens, and what else is put into it.
class HfFolder {
 public:
  explicit HfFolder(const Changes& changes = {}) {
    Changes all = {{"num_hidden_layers", "2"}, {"intermediate_size", "96"}, {"vocab_size", "32"}};
    all.insert(all.end(), changes.begin(), changes.end());
    write("config.json", hf_config("llama", all));
    write("model.safetensors", tiny_safetensors(tiny_hf_tensors()));
  }
  void write(const std::string& name, const std::string& content) const { folder_.write(name, content); }
  std::unique_ptr<Model> open() const { return ondol::open(folder_.path()); }
  std::string error() const { return open_error(folder_.path()); }

 private:
  TempFolder folder_;
};

TEST(Model, StopTokensFromBothConfigurations) {
  HfFolder folder(Changes{{"eos_token_id", "[5, 3]"}});
  EXPECT_EQ(folder.open()->stop_tokens(), (std::vector<int32_t>{3, 5}));
  folder.write("generation_config.json", R"({"eos_token_id":9,"temperature":0.7,"top_p":0.8,"top_k":20,"repetition_penalty":1.05})");
  const auto model = folder.open();
  EXPECT_EQ(model->stop_tokens(), (std::vector<int32_t>{3, 5, 9}));
  EXPECT_FLOAT_EQ(model->sampling_defaults().temperature, 0.7f);
  EXPECT_FLOAT_EQ(model->sampling_defaults().repetition_penalty, 1.05f);
  EXPECT_EQ(model->sampling_defaults().top_k, 20);
  folder.write("generation_config.json", R"({"eos_token_id":-1,"temperature":-3,"top_p":7,"top_k":1e30})");
  EXPECT_EQ(folder.open()->stop_tokens(), (std::vector<int32_t>{3, 5}));
  EXPECT_EQ(folder.open()->sampling_defaults().top_p, -1.0f) << "out of range: no recommendation";
  EXPECT_EQ(folder.open()->sampling_defaults().top_k, -1);
  folder.write("generation_config.json", R"({"eos_token_id":32})");
  EXPECT_NE(folder.error().find("eos_token_id is 32, beyond the vocabulary of 32"), std::string::npos);
  folder.write("generation_config.json", R"({"eos_token_id":"x"})");
  EXPECT_NE(folder.error().find("must be an integer or a list"), std::string::npos);
  folder.write("generation_config.json", "{");
  EXPECT_NE(folder.error().find("generation_config.json: not valid JSON"), std::string::npos);
}

TEST(Model, ChatTemplateFromEitherFile) {
  const HfFolder folder;
  EXPECT_EQ(folder.open()->chat_template(), "");
  folder.write("tokenizer_config.json", R"({"chat_template":"plain"})");
  EXPECT_EQ(folder.open()->chat_template(), "plain");
  folder.write("tokenizer_config.json", R"({"chat_template":[{"name":"tool_use","template":"t"},7,{"name":"default","template":"d"}]})");
  EXPECT_EQ(folder.open()->chat_template(), "d");
  folder.write("chat_template.jinja", "own file");
  EXPECT_EQ(folder.open()->chat_template(), "own file");
}

TEST(Model, LicenseFromTheModelCard) {
  const HfFolder folder;
  EXPECT_EQ(folder.open()->license(), "");
  folder.write("README.md", "---\nlanguage: ko\nlicense: \"apache-2.0\"\n---\n# Model\nlicense: other\n");
  EXPECT_EQ(folder.open()->license(), "apache-2.0");
  folder.write("README.md", "---\nlicense:\n---\n");
  EXPECT_EQ(folder.open()->license(), "");
  folder.write("README.md", "---\nlicense: x");
  EXPECT_EQ(folder.open()->license(), "x");
}

TEST(Model, TiedFlagDecidesOverASpareHead) {
  auto tensors = tiny_hf_tensors();
  tensors["lm_head.weight"] = {32, 64};
  const HfFolder tied(Changes{{"tie_word_embeddings", "true"}});
  tied.write("model.safetensors", tiny_safetensors(tensors));
  EXPECT_TRUE(tied.open()->spec().tied);
  const HfFolder silent;
  silent.write("model.safetensors", tiny_safetensors(tensors));
  EXPECT_FALSE(silent.open()->spec().tied);
  const HfFolder untied(Changes{{"tie_word_embeddings", "false"}});
  EXPECT_NE(untied.error().find("no tensor \"lm_head.weight\""), std::string::npos);
}

TEST(Model, FusedAndSeparateExpertsAreTheSame) {
  const TempFolder folder;
  folder.write("config.json", hf_config("exaone_moe", {{"num_hidden_layers", "1"},
                                                       {"vocab_size", "32"},
                                                       {"sliding_window", "8"},
                                                       {"num_experts", "3"},
                                                       {"num_experts_per_tok", "2"},
                                                       {"moe_intermediate_size", "8"},
                                                       {"num_shared_experts", "0"}}));
  auto tensors = tiny_hf_tensors(1);
  for (const char* name : {"gate_proj", "up_proj", "down_proj"}) {
    tensors.erase("model.layers.0.mlp." + std::string(name) + ".weight");
  }
  const std::string at = "model.layers.0.";
  tensors[at + "self_attn.q_norm.weight"] = tensors[at + "self_attn.k_norm.weight"] = {16};
  tensors[at + "mlp.gate.weight"] = {3, 64};
  tensors[at + "mlp.gate.e_score_correction_bias"] = {3};
  tensors[at + "mlp.experts.down_proj"] = {3, 64, 8};
  tensors["mtp.fc.weight"] = {2, 2};
  SafetensorsWriter writer;
  for (const auto& [name, shape] : tensors) writer.floats(name, shape);
  std::vector<float> fused(3 * 16 * 64);
  for (size_t i = 0; i < fused.size(); ++i) fused[i] = static_cast<float>(i);
  writer.tensor(at + "mlp.experts.gate_up_proj", "F32", {3, 16, 64}, {reinterpret_cast<const char*>(fused.data()), fused.size() * 4});
  folder.write("model.safetensors", writer.bytes());
  const auto model = open(folder.path());
  ASSERT_NE(model, nullptr);
  const auto first = [&](Role role, int expert) {
    const auto tensor = model->weight(role, 0, expert);
    EXPECT_TRUE(tensor && tensor->rows == 8 && tensor->cols == 64 && tensor->data.size() == 8 * 64 * 4);
    float out = -1;
    dequantize_row(DType::kF32, tensor->data, 1, &out);
    return out;
  };
  EXPECT_EQ(first(Role::kExpertGate, 0), 0.0f);
  EXPECT_EQ(first(Role::kExpertUp, 0), 8 * 64.0f);
  EXPECT_EQ(first(Role::kExpertGate, 2), 2 * 16 * 64.0f);
  EXPECT_EQ(first(Role::kExpertUp, 2), (2 * 16 + 8) * 64.0f);
  EXPECT_EQ(model->weight(Role::kExpertDown, 0, 2)->rows, 64);
}

TEST(Model, ErrorsNameThePathAndTheTrouble) {
  const TempFolder folder;
  EXPECT_NE(open_error(folder.path()).find("config.json"), std::string::npos);
  EXPECT_NE(open_error(folder.path() + "/absent.gguf").find("absent.gguf"), std::string::npos);
  EXPECT_NE(open_error(folder.write("x.gguf", "not a model")).find("x.gguf"), std::string::npos);
  EXPECT_NE(open_error(kModels + "llama/model.safetensors").find("opened by its folder"), std::string::npos);
  const HfFolder wider(Changes{{"hidden_size", "128"}});
  EXPECT_NE(wider.error().find("is 32 x 64; the configuration implies 32 x 128"), std::string::npos) << wider.error();
  const HfFolder deeper(Changes{{"num_hidden_layers", "3"}});
  EXPECT_NE(deeper.error().find("model.layers.2.input_layernorm.weight"), std::string::npos) << deeper.error();
  const HfFolder shallower(Changes{{"num_hidden_layers", "1"}});
  EXPECT_NE(shallower.error().find("model.layers.1."), std::string::npos) << shallower.error();
  const HfFolder cut;
  cut.write("model.safetensors", tiny_safetensors(tiny_hf_tensors()).substr(0, 5000));
  EXPECT_NE(cut.error().find("beyond the"), std::string::npos) << cut.error();
}

}  // namespace
}  // namespace ondol
