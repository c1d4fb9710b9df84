#include <gtest/gtest.h>

#include "cost/model_shape.h"

namespace ondol {
namespace {

double billions(std::string_view name) {
  const ModelShape shape = builtin_model(name).value();
  return (shape.layer_weights() + shape.head_weights() * (shape.tied_embeddings ? 1 : 2)) / 1e9;
}

TEST(ModelShape, BuiltinModelsHaveTheirPublishedSizes) {
  EXPECT_NEAR(billions("exaone-4.0-32b"), 32.003, 0.01);
  EXPECT_NEAR(billions("exaone-4.0-1.2b"), 1.279, 0.001);
  EXPECT_NEAR(billions("k-exaone-236b-a23b"), 236.57, 0.1);
  EXPECT_NEAR(billions("llama-3.1-8b"), 8.03, 0.01);
  EXPECT_NEAR(billions("llama-3.1-70b"), 70.55, 0.05);
  EXPECT_NEAR(billions("llama-3.1-405b"), 405.8, 0.5);
  EXPECT_NEAR(billions("qwen3-30b-a3b"), 30.5, 0.1);
  EXPECT_NEAR(billions("qwen3-235b-a22b"), 235.1, 0.3);
  EXPECT_NEAR(billions("llama-4-scout"), 107.8, 1);
  EXPECT_NEAR(billions("gpt-j-6b"), 6.05, 0.05);
  EXPECT_NEAR(builtin_model("k-exaone-236b-a23b")->active_weights() / 1e9, 21.7, 0.5);
  for (const std::string& name : builtin_model_names()) EXPECT_TRUE(check_shape(*builtin_model(name))) << name;
}

TEST(ModelShape, SuffixesChoosePrecision) {
  EXPECT_EQ(builtin_model("qwen3-8b-fp8")->weight_bytes, 1);
  EXPECT_EQ(builtin_model("qwen3-8b-fp8")->activation_bits, 8);
  EXPECT_EQ(builtin_model("k-exaone-236b-a23b-w4")->weight_bytes, 0.5625);
  const auto unknown = builtin_model("gpt-5");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  EXPECT_NE(unknown.error().message.find("llama-3.1-8b"), std::string::npos);
}

void expect_same(const ModelShape& a, const ModelShape& b) {
  EXPECT_EQ(a.total_bytes(), b.total_bytes());
  EXPECT_EQ(a.active_weights(), b.active_weights());
  EXPECT_EQ(a.kv_layer_bytes(), b.kv_layer_bytes());
  EXPECT_EQ(a.windowed_layers, b.windowed_layers);
  EXPECT_EQ(a.window, b.window);
  EXPECT_EQ(a.max_context, b.max_context);
  EXPECT_EQ(a.activation_bits, b.activation_bits);
}

TEST(ModelConfig, ReadsADenseModel) {
  const auto shape = parse_model_config(
      R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,
          "num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072,"tie_word_embeddings":false,"torch_dtype":"bfloat16"})",
      "mine");
  ASSERT_TRUE(shape) << shape.error().message;
  EXPECT_EQ(shape->name, "mine");
  expect_same(*shape, *builtin_model("llama-3.1-8b"));
}

TEST(ModelConfig, ReadsWindowsByPatternTextAndList) {
  const std::string head = R"({"hidden_size":5120,"intermediate_size":27392,"num_hidden_layers":64,"num_attention_heads":40,
      "num_key_value_heads":8,"head_dim":128,"vocab_size":102400,"max_position_embeddings":131072,"sliding_window":4096,)";
  const ModelShape expected = *builtin_model("exaone-4.0-32b");
  expect_same(*parse_model_config(head + R"("sliding_window_pattern":4})", ""), expected);
  expect_same(*parse_model_config(head + R"("sliding_window_pattern":"LLLG"})", ""), expected);
  std::string types;
  for (int i = 0; i < 64; ++i) types += std::string(i > 0 ? "," : "") + (i % 4 == 3 ? R"("full_attention")" : R"("sliding_attention")");
  expect_same(*parse_model_config(head + R"("layer_types":[)" + types + "]}", ""), expected);
  EXPECT_EQ(parse_model_config(head + R"("use_sliding_window":false})", "")->windowed_layers, 0);
}

TEST(ModelConfig, ReadsExpertsInsideATextConfig) {
  std::string kinds = R"("dense")";
  for (int i = 1; i < 48; ++i) kinds += R"(,"sparse")";
  const auto shape = parse_model_config(
      R"({"quantization_config":{"quant_method":"fp8"},"text_config":{"hidden_size":6144,"intermediate_size":18432,"num_hidden_layers":48,
          "num_attention_heads":64,"num_key_value_heads":8,"head_dim":128,"vocab_size":153600,"max_position_embeddings":262144,
          "num_experts":128,"num_experts_per_tok":8,"moe_intermediate_size":2048,"num_shared_experts":1,"sliding_window":128,
          "sliding_window_pattern":4,"mlp_layer_types":[)" +
          kinds + "]}}",
      "");
  ASSERT_TRUE(shape) << shape.error().message;
  expect_same(*shape, *builtin_model("k-exaone-236b-a23b-fp8"));
}

TEST(ModelConfig, RefusesWhatIsNoModel) {
  const auto message = [](std::string_view text) {
    const auto shape = parse_model_config(text, "x");
    return shape ? std::string("accepted") : shape.error().message;
  };
  EXPECT_NE(message("").find("not a JSON object"), std::string::npos);
  EXPECT_NE(message("[]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(message("{}").find("num_hidden_layers"), std::string::npos);
  EXPECT_NE(message(R"({"num_hidden_layers":1e9})").find("1024"), std::string::npos);
  EXPECT_NE(message(R"({"num_hidden_layers":2.5})").find("whole number"), std::string::npos);
  EXPECT_NE(message(R"({"num_hidden_layers":2,"hidden_size":64,"num_attention_heads":0})").find("num_attention_heads"), std::string::npos);
  EXPECT_NE(message(R"({"num_hidden_layers":2,"hidden_size":64,"num_attention_heads":4,"num_key_value_heads":8,"vocab_size":9})")
                .find("key-value"),
            std::string::npos);
  EXPECT_FALSE(parse_model_config(std::string(kMaxConfigBytes + 1, ' '), "x"));
  EXPECT_FALSE(parse_model_config(std::string(100000, '['), "x"));
}

}  // namespace
}  // namespace ondol
