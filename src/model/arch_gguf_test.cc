// Architecture descriptions and the weight table on GGUF metadata.
#include <gtest/gtest.h>

#include <cmath>

#include "model/arch.h"
#include "model/gguf.h"
#include "model/model_files_test_util.h"
#include "model/weights.h"

namespace ondol {
namespace {

struct Opened {
  std::string bytes;
  std::unique_ptr<Source> source;
  ModelSpec spec;
  WeightTable weights;
  std::string error;
};

Status open_into(Opened& out) {
  ONDOL_TRY(auto file, GgufFile::parse(byte_view(out.bytes)));
  ONDOL_TRY(out.source, open_gguf_source(std::make_shared<const GgufFile>(std::move(file))));
  ONDOL_TRY(const Architecture* architecture, find_architecture(*out.source));
  ONDOL_TRY(out.spec, describe_model(*architecture, *out.source));
  ONDOL_TRY(out.weights, WeightTable::build(*out.source, *architecture, out.spec));
  return {};
}

std::unique_ptr<Opened> open(const TinyGguf& model) {
  auto out = std::make_unique<Opened>();
  out->bytes = model.writer().bytes();
  if (const Status status = open_into(*out); !status) out->error = status.error().message;
  return out;
}

std::string layer_text(const ModelSpec& spec) {
  std::string out;
  for (const LayerSpec& layer : spec.layers) {
    out += (out.empty() ? "" : " ") + std::to_string(layer.window) + ":" + std::to_string(layer.rope) + (layer.moe ? "m" : "");
  }
  return out;
}

TEST(ArchGguf, Llama) {
  const auto model = open(TinyGguf());
  ASSERT_EQ(model->error, "");
  EXPECT_EQ(model->spec.name, "Tiny");
  EXPECT_EQ(model->spec.vocab, 32);
  EXPECT_EQ(model->spec.head_dim, 16);
  EXPECT_TRUE(model->spec.tied);
  EXPECT_FALSE(model->spec.qkv_bias);
  EXPECT_EQ(model->weights.find(Role::kDown, 1, -1)->cols, 96);
  EXPECT_EQ(model->weights.find(Role::kLmHead, -1, -1).error().code, Code::kNotFound);
  EXPECT_EQ(model->weights.common_type(), "F32");
}

TEST(ArchGguf, BiasesAndOutputMatrixByPresence) {
  TinyGguf tiny;
  tiny.tensors["output.weight"] = {64, 32};
  for (int layer = 0; layer < 2; ++layer) {
    tiny.tensors[tiny.block(layer, "attn_q.bias")] = {64};
    tiny.tensors[tiny.block(layer, "attn_k.bias")] = {32};
    tiny.tensors[tiny.block(layer, "attn_v.bias")] = {32};
  }
  const auto model = open(tiny);
  ASSERT_EQ(model->error, "");
  EXPECT_FALSE(model->spec.tied);
  EXPECT_TRUE(model->spec.qkv_bias);
  EXPECT_EQ(model->weights.find(Role::kKBias, 1, -1)->cols, 32);
  tiny.tensors["blk.0.attn_output.bias"] = {64};
  EXPECT_NE(open(tiny)->error.find("output projection has a bias"), std::string::npos);
}

TEST(ArchGguf, RopeBaseScalingAndDivisors) {
  TinyGguf tiny;
  tiny.key([](GgufWriter& w) { w.f32("llama.rope.freq_base", 500); });
  EXPECT_FLOAT_EQ(open(tiny)->spec.ropes[0].inv_freq[1], static_cast<float>(std::pow(500.0, -1.0 / 8)));
  TinyGguf linear = tiny;
  linear.key([](GgufWriter& w) {
    w.string("llama.rope.scaling.type", "linear");
    w.f32("llama.rope.scaling.factor", 8);
  });
  EXPECT_FLOAT_EQ(open(linear)->spec.ropes[0].inv_freq[0], 0.125f);
  TinyGguf divided = tiny;
  divided.tensors["rope_freqs.weight"] = {8};  // the writer fills in 0.5
  EXPECT_FLOAT_EQ(open(divided)->spec.ropes[0].inv_freq[0], 2.0f);
  divided.tensors["rope_freqs.weight"] = {7};
  EXPECT_NE(open(divided)->error.find("8 pairs"), std::string::npos);
  tiny.key([](GgufWriter& w) { w.string("llama.rope.scaling.type", "yarn"); });
  EXPECT_NE(open(tiny)->error.find("\"yarn\" is not supported"), std::string::npos);
}

TEST(ArchGguf, Gemma3) {
  TinyGguf tiny("gemma3", 7);
  tiny.add_qk_norms();
  tiny.add_post_norms();
  tiny.key([](GgufWriter& w) {
    w.u32("gemma3.attention.sliding_window", 8);
    w.f32("gemma3.rope.freq_base", 1e6f);
    w.string("gemma3.rope.scaling.type", "linear");
    w.f32("gemma3.rope.scaling.factor", 8);
  });
  const auto model = open(tiny);
  ASSERT_EQ(model->error, "");
  EXPECT_EQ(layer_text(model->spec), "8:1 8:1 8:1 8:1 8:1 0:0 8:1") << "every sixth layer is full";
  EXPECT_FLOAT_EQ(model->spec.ropes[0].inv_freq[0], 0.125f);
  EXPECT_FLOAT_EQ(model->spec.ropes[1].inv_freq[1], static_cast<float>(std::pow(10'000.0, -1.0 / 8)));
  EXPECT_EQ(model->spec.norm_offset, 0.0f) << "GGUF has the 1 added already";
  EXPECT_FLOAT_EQ(model->spec.embed_scale, 8.0f);
}

TinyGguf tiny_exaone4() {
  TinyGguf tiny("exaone4", 4);
  tiny.add_qk_norms();
  tiny.add_post_norms();
  tiny.drop_layer_tensor("attn_norm.weight");
  tiny.drop_layer_tensor("ffn_norm.weight");
  return tiny;
}

TEST(ArchGguf, Exaone4) {
  TinyGguf tiny = tiny_exaone4();
  EXPECT_EQ(layer_text(open(tiny)->spec), "0:0 0:0 0:0 0:0");
  tiny.key([](GgufWriter& w) { w.u32("exaone4.attention.sliding_window", 8); });
  EXPECT_EQ(open(tiny)->error, "");
  EXPECT_EQ(layer_text(open(tiny)->spec), "8:0 8:0 8:0 0:-1");
  tiny.key([](GgufWriter& w) { w.booleans("exaone4.attention.sliding_window_pattern", {1, 0, 1, 0}); });
  EXPECT_EQ(layer_text(open(tiny)->spec), "8:0 0:-1 8:0 0:-1");
}

TEST(ArchGguf, Exaone3TakesTheEpsilonUnderEitherName) {
  TinyGguf tiny("exaone");
  for (const char* key : {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"}) {
    tiny.eps_key = key;
    ASSERT_EQ(open(tiny)->error, "");
    EXPECT_FLOAT_EQ(open(tiny)->spec.norm_eps, 1e-5f) << key;
  }
}

// Three blocks of which the last is a draft layer; the first is dense.
TinyGguf tiny_exaone_moe() {
  TinyGguf tiny("exaone-moe", 3);
  tiny.add_qk_norms();
  tiny.make_experts(1);
  tiny.tensors["blk.2.nextn.eh_proj.weight"] = {128, 64};
  tiny.tensors["blk.2.nextn.enorm.weight"] = {64};
  tiny.tensors["output.weight"] = {64, 32};
  tiny.key([](GgufWriter& w) {
    w.u32("exaone-moe.attention.sliding_window", 8);
    w.booleans("exaone-moe.attention.sliding_window_pattern", {1, 0});
    w.u32("exaone-moe.expert_count", 4);
    w.u32("exaone-moe.expert_used_count", 2);
    w.u32("exaone-moe.expert_feed_forward_length", 32);
    w.u32("exaone-moe.expert_shared_count", 1);
    w.u32("exaone-moe.expert_shared_feed_forward_length", 32);
    w.f32("exaone-moe.expert_weights_scale", 1.5f);
    w.boolean("exaone-moe.expert_weights_norm", true);
    w.u32("exaone-moe.expert_gating_func", 2);
    w.u32("exaone-moe.leading_dense_block_count", 1);
    w.u32("exaone-moe.nextn_predict_layers", 1);
    w.string("exaone-moe.rope.scaling.type", "none");
  });
  return tiny;
}

TEST(ArchGguf, KExaoneWithoutItsDraftLayer) {
  const auto model = open(tiny_exaone_moe());
  ASSERT_EQ(model->error, "");
  EXPECT_EQ(layer_text(model->spec), "8:0 0:-1m");
  EXPECT_EQ(model->spec.moe.scale, 1.5f);
  const auto expert = model->weights.find(Role::kExpertDown, 1, 3);
  ASSERT_TRUE(expert);
  EXPECT_EQ(expert->depth, 1);
  EXPECT_EQ(expert->rows, 64);
  EXPECT_EQ(expert->cols, 32);
  EXPECT_EQ(model->weights.find(Role::kRouterBias, 1, -1)->cols, 4);
  EXPECT_FALSE(model->weights.find(Role::kExpertDown, 1, 4));
  EXPECT_FALSE(model->weights.find(Role::kExpertDown, 0, 0));
}

TEST(ArchGguf, KExaoneVariants) {
  TinyGguf renamed = tiny_exaone_moe();
  renamed.tensors.erase("blk.1.exp_probs_b.bias");
  renamed.tensors["blk.1.exp_probs_b"] = {4};
  EXPECT_EQ(open(renamed)->error, "");
  TinyGguf fewer = tiny_exaone_moe();
  fewer.tensors["blk.1.ffn_up_exps.weight"] = {64, 32, 3};
  EXPECT_NE(open(fewer)->error.find("is 3 x 32 x 64; the configuration implies 4 x 32 x 64"), std::string::npos) << open(fewer)->error;
}

TEST(ArchGguf, WrongFilesGetPreciseErrors) {
  const auto error = [](const std::function<void(TinyGguf&)>& change) {
    TinyGguf tiny;
    change(tiny);
    return open(tiny)->error;
  };
  const auto expect = [&](const char* expected, const std::function<void(TinyGguf&)>& change) {
    const std::string got = error(change);
    EXPECT_NE(got.find(expected), std::string::npos) << "expected: " << expected << "\n     got: " << got;
  };
  expect("no tensor \"blk.1.attn_k.weight\"", [](TinyGguf& t) { t.tensors.erase("blk.1.attn_k.weight"); });
  expect("no tensor \"token_embd.weight\"", [](TinyGguf& t) { t.tensors.erase("token_embd.weight"); });
  expect("is 31 x 64; the configuration implies 32 x 64", [](TinyGguf& t) { t.tensors["blk.1.attn_k.weight"] = {64, 31}; });
  expect("is 64 x 32; the configuration implies 32 x 64", [](TinyGguf& t) { t.tensors["blk.1.attn_k.weight"] = {32, 64}; });
  expect("is 1 x 63; the configuration implies 1 x 64", [](TinyGguf& t) { t.tensors["blk.0.attn_norm.weight"] = {63}; });
  expect("\"blk.0.attn_sinks.weight\", which llama does not use", [](TinyGguf& t) { t.tensors["blk.0.attn_sinks.weight"] = {4}; });
  expect("\"blk.2.attn_q.weight\", which llama does not use", [](TinyGguf& t) { t.tensors["blk.2.attn_q.weight"] = {64, 64}; });
  expect("architecture \"clip\" is not supported", [](TinyGguf& t) { t.arch = "clip"; });
  expect("no general.architecture", [](TinyGguf& t) { t.arch = ""; });
  expect("\"llama.rope.dimension_count\" is set",
         [](TinyGguf& t) { t.key([](GgufWriter& w) { w.u32("llama.rope.dimension_count", 8); }); });
  expect("\"llama.attention.value_length\" is set",
         [](TinyGguf& t) { t.key([](GgufWriter& w) { w.u32("llama.attention.value_length", 32); }); });
  expect("\"llama.expert_count\" must be an integer", [](TinyGguf& t) { t.key([](GgufWriter& w) { w.f32("llama.expert_count", 4); }); });
  expect("8 experts (Mixtral)", [](TinyGguf& t) { t.key([](GgufWriter& w) { w.u32("llama.expert_count", 8); }); });
  expect("must be a finite number", [](TinyGguf& t) { t.key([](GgufWriter& w) { w.f32("llama.rope.freq_base", NAN); }); });
}

TEST(ArchGguf, NormsMustBeFloats) {
  TinyGguf tiny;
  tiny.tensors.erase("blk.0.attn_norm.weight");
  GgufWriter writer = tiny.writer();
  writer.tensor("blk.0.attn_norm.weight", {64}, 8, std::string(68, '\0'));
  Opened opened;
  opened.bytes = writer.bytes();
  const Status status = open_into(opened);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("\"blk.0.attn_norm.weight\" is quantised"), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace ondol
