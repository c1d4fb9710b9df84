// A model with random weights, made in memory, for the engine's tests. Test code only.
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "model/model.h"

namespace ondol {

// Any spec, every weight drawn from a fixed seed. Matrices are Q8_0 when `quantized`, else F32; norms and biases are F32.
class SyntheticModel final : public Model {
 public:
  explicit SyntheticModel(ModelSpec spec, bool quantized = false) : spec_(std::move(spec)), quantized_(quantized) {}

  const ModelSpec& spec() const override { return spec_; }
  bool interleaved_rope_rows() const override { return false; }
  const Tokenizer* tokenizer() const override { return nullptr; }
  const std::string& tokenizer_error() const override { return empty_; }
  const std::string& chat_template() const override { return empty_; }
  const std::vector<int32_t>& stop_tokens() const override { return none_; }
  const SamplingDefaults& sampling_defaults() const override { return defaults_; }
  const std::string& license() const override { return empty_; }
  uint64_t parameter_count() const override { return 0; }
  uint64_t file_bytes() const override { return 0; }
  std::string format() const override { return "synthetic"; }
  std::string quantization() const override { return quantized_ ? "Q8_0" : "F32"; }
  void drop_resident() const override {}

  Result<Tensor> weight(Role role, int layer, int expert) const override {
    const auto [rows, cols] = shape(role);
    const bool matrix = rows > 1 && role != Role::kRouter;
    const DType type = matrix && quantized_ ? DType::kQ8_0 : DType::kF32;
    auto& bytes = weights_[{role, layer, expert}];
    if (bytes.empty()) fill(bytes, type, role, rows, cols);
    return Tensor{type, 1, rows, cols, bytes};
  }

 private:
  std::pair<int64_t, int64_t> shape(Role role) const {
    const int64_t h = spec_.hidden, q = spec_.q_width(), kv = spec_.kv_width(), f = spec_.ffn, e = spec_.moe.expert_ffn;
    switch (role) {
      case Role::kEmbedding:
      case Role::kLmHead: return {spec_.vocab, h};
      case Role::kQ: return {q, h};
      case Role::kK:
      case Role::kV: return {kv, h};
      case Role::kO: return {h, q};
      case Role::kQBias: return {1, q};
      case Role::kKBias:
      case Role::kVBias: return {1, kv};
      case Role::kQNorm:
      case Role::kKNorm: return {1, spec_.head_dim};
      case Role::kGate:
      case Role::kUp: return {f, h};
      case Role::kDown: return {h, f};
      case Role::kRouter: return {spec_.moe.experts, h};
      case Role::kRouterBias: return {1, spec_.moe.experts};
      case Role::kExpertGate:
      case Role::kExpertUp: return {e, h};
      case Role::kExpertDown: return {h, e};
      case Role::kSharedGate:
      case Role::kSharedUp: return {spec_.moe.shared_ffn, h};
      case Role::kSharedDown: return {h, spec_.moe.shared_ffn};
      default: return {1, h};  // the norms
    }
  }

  void fill(std::vector<std::byte>& bytes, DType type, Role role, int64_t rows, int64_t cols) const {
    std::mt19937 random(static_cast<uint32_t>(weights_.size()) * 7919u + static_cast<uint32_t>(role));
    const bool norm = rows == 1 && role != Role::kRouterBias;
    std::normal_distribution<float> value(norm ? 1.0f : 0.0f, norm ? 0.2f : 1.2f / std::sqrt(static_cast<float>(cols)));
    bytes.resize(static_cast<size_t>(rows) * row_bytes(type, cols));
    if (type == DType::kF32) {
      for (int64_t i = 0; i < rows * cols; ++i) {
        const float v = value(random);
        std::memcpy(bytes.data() + i * 4, &v, 4);
      }
      return;
    }
    // Q8_0 blocks: a binary16 scale and 32 signed bytes; 2^-9 keeps sums of these widths near one.
    std::uniform_int_distribution<int> quant(-127, 127);
    for (size_t at = 0; at < bytes.size(); at += 34) {
      const uint16_t scale = 0x1800;  // 2^-9
      std::memcpy(bytes.data() + at, &scale, 2);
      for (size_t i = 2; i < 34; ++i) bytes[at + i] = static_cast<std::byte>(quant(random));
    }
  }

  ModelSpec spec_;
  bool quantized_;
  std::string empty_;
  std::vector<int32_t> none_;
  SamplingDefaults defaults_;
  mutable std::map<std::tuple<Role, int, int>, std::vector<std::byte>> weights_;
};

// Four layers, the last one full attention, the others with a window; experts in layers 1 to 3 when `moe`.
inline ModelSpec synthetic_spec(int window, bool moe) {
  ModelSpec spec;
  spec.arch = "synthetic";
  spec.hidden = 64;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.head_dim = 16;
  spec.ffn = 96;
  spec.vocab = 200;
  spec.max_context = 1024;
  spec.attn_scale = 0.25f;
  spec.qk_norm = true;
  if (moe) spec.moe = {.experts = 8, .top_k = 2, .expert_ffn = 32, .shared_ffn = 32, .scale = 2.5f};
  RopeSpec rope;
  for (int j = 0; j < 8; ++j) rope.inv_freq.push_back(std::pow(10000.0f, -static_cast<float>(j) / 8.0f));
  spec.ropes.push_back(rope);
  for (int i = 0; i < 4; ++i)
    spec.layers.push_back({.window = i == 3 ? 0 : window, .rope = i == 3 && window > 0 ? -1 : 0, .moe = moe && i > 0});
  return spec;
}

}  // namespace ondol
