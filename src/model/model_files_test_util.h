// Tiny GGUF models and Hugging Face folders for tests: two layers, hidden 64, four heads of 16, two key-value heads, ffn 96, vocabulary 32.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/gguf_writer_test_util.h"
#include "model/safetensors_writer_test_util.h"

namespace ondol {

struct TinyGguf {
  std::string arch = "llama";
  int layers = 2;
  std::string eps_key = "attention.layer_norm_rms_epsilon";
  std::map<std::string, std::vector<uint64_t>> tensors;  // dims as stored: contiguous first
  std::vector<std::function<void(GgufWriter&)>> keys;    // written after the usual ones

  explicit TinyGguf(std::string architecture = "llama", int layer_count = 2) : arch(std::move(architecture)), layers(layer_count) {
    tensors["token_embd.weight"] = {64, 32};
    tensors["output_norm.weight"] = {64};
    for (int layer = 0; layer < layers; ++layer) add_layer(layer);
  }

  std::string block(int layer, const std::string& name) const { return "blk." + std::to_string(layer) + "." + name; }

  void add_layer(int layer) {
    for (const char* norm : {"attn_norm.weight", "ffn_norm.weight"}) tensors[block(layer, norm)] = {64};
    tensors[block(layer, "attn_q.weight")] = {64, 64};
    tensors[block(layer, "attn_k.weight")] = {64, 32};
    tensors[block(layer, "attn_v.weight")] = {64, 32};
    tensors[block(layer, "attn_output.weight")] = {64, 64};
    tensors[block(layer, "ffn_gate.weight")] = {64, 96};
    tensors[block(layer, "ffn_up.weight")] = {64, 96};
    tensors[block(layer, "ffn_down.weight")] = {96, 64};
  }
  void add_qk_norms() {
    for (int layer = 0; layer < layers; ++layer) {
      for (const char* norm : {"attn_q_norm.weight", "attn_k_norm.weight"}) tensors[block(layer, norm)] = {16};
    }
  }
  void add_post_norms() {
    for (int layer = 0; layer < layers; ++layer) {
      for (const char* norm : {"post_attention_norm.weight", "post_ffw_norm.weight"}) tensors[block(layer, norm)] = {64};
    }
  }
  void drop_layer_tensor(const std::string& name) {
    for (int layer = 0; layer < layers; ++layer) tensors.erase(block(layer, name));
  }
  // Turns the MLP of a layer into 4 experts of width 32 and a shared one of the same.
  void make_experts(int layer) {
    for (const char* name : {"ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"}) tensors.erase(block(layer, name));
    tensors[block(layer, "ffn_gate_inp.weight")] = {64, 4};
    tensors[block(layer, "exp_probs_b.bias")] = {4};
    tensors[block(layer, "ffn_gate_exps.weight")] = {64, 32, 4};
    tensors[block(layer, "ffn_up_exps.weight")] = {64, 32, 4};
    tensors[block(layer, "ffn_down_exps.weight")] = {32, 64, 4};
    tensors[block(layer, "ffn_gate_shexp.weight")] = {64, 32};
    tensors[block(layer, "ffn_up_shexp.weight")] = {64, 32};
    tensors[block(layer, "ffn_down_shexp.weight")] = {32, 64};
  }
  void key(std::function<void(GgufWriter&)> write) { keys.push_back(std::move(write)); }

  GgufWriter writer() const {
    GgufWriter out;
    out.string("general.architecture", arch);
    out.string("general.name", "Tiny");
    out.u32(arch + ".block_count", static_cast<uint32_t>(layers));
    out.u32(arch + ".embedding_length", 64);
    out.u32(arch + ".feed_forward_length", 96);
    out.u32(arch + ".context_length", 256);
    out.u32(arch + ".attention.head_count", 4);
    out.u32(arch + ".attention.head_count_kv", 2);
    out.f32(arch + "." + eps_key, 1e-5f);
    for (const auto& write : keys) write(out);
    for (const auto& [name, dims] : tensors) out.floats(name, dims);
    return out;
  }
};

// The same sizes as a Hugging Face folder's model.safetensors; shapes are rows first.
inline std::map<std::string, std::vector<int64_t>> tiny_hf_tensors(int layers = 2) {
  std::map<std::string, std::vector<int64_t>> out = {{"model.embed_tokens.weight", {32, 64}}, {"model.norm.weight", {64}}};
  for (int layer = 0; layer < layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    for (const char* norm : {"input_layernorm.weight", "post_attention_layernorm.weight"}) out[at + norm] = {64};
    out[at + "self_attn.q_proj.weight"] = {64, 64};
    out[at + "self_attn.k_proj.weight"] = {32, 64};
    out[at + "self_attn.v_proj.weight"] = {32, 64};
    out[at + "self_attn.o_proj.weight"] = {64, 64};
    out[at + "mlp.gate_proj.weight"] = {96, 64};
    out[at + "mlp.up_proj.weight"] = {96, 64};
    out[at + "mlp.down_proj.weight"] = {64, 96};
  }
  return out;
}

inline std::string tiny_safetensors(const std::map<std::string, std::vector<int64_t>>& tensors) {
  SafetensorsWriter writer;
  for (const auto& [name, shape] : tensors) writer.floats(name, shape);
  return writer.bytes();
}

}  // namespace ondol
