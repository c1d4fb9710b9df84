// What a forward pass has to do, as data: the engine reads this and nothing else about an architecture. One file in this folder
// (`arch_*.cc`) per architecture fills it in from a configuration; see docs/adding-a-model.md.
//
// Owner: the Model; immutable after loading; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ondol {

// Rotary embedding, NeoX pairing (first half with second half) always: files that store interleaved pairs are re-ordered when read.
// Angle of pair j at position p: p * inv_freq[j]. `inv_freq` already contains the scaling rule (llama3, linear, or a file's divisors).
struct RopeSpec {
  std::vector<float> inv_freq;    // head_dim / 2 values
  float attention_factor = 1.0f;  // multiplies cos and sin (YaRN); 1 elsewhere
};

enum class Activation { kSilu, kGeluTanh };

struct LayerSpec {
  int window = 0;          // keys that a query sees, itself included; 0 = all before it
  int rope = 0;            // index into ModelSpec::ropes; -1 = no positional rotation (NoPE)
  bool moe = false;        // mixture of experts instead of the dense MLP
  float swiglu_limit = 0;  // clamp of gate and up values; 0 = none
};

// Router of reference/exaone.md section 2: s = sigmoid(router x); choose by s + bias; weights are s, normalised, times scale.
struct MoeSpec {
  int experts = 0;
  int top_k = 0;
  int expert_ffn = 0;
  int shared_ffn = 0;  // 0 = no shared expert
  int groups = 1;
  int top_groups = 1;
  bool normalize = true;
  float scale = 1.0f;
};

struct ModelSpec {
  std::string arch;  // "qwen2", "exaone4", ...
  std::string name;  // human name from the file, may be empty
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;
  int vocab = 0;
  int max_context = 0;
  float norm_eps = 1e-5f;
  float norm_offset = 0;     // added to every norm weight (Gemma in HF files: 1; its GGUF files have it added already)
  float attn_scale = 0;      // multiplies q.k
  float embed_scale = 1.0f;  // multiplies embeddings
  bool pre_norm = true;      // norm in front of attention and MLP
  bool post_norm = false;    // norm on what attention and MLP return, before it is added to the residual
  bool qk_norm = false;      // RMS norm of each q and k head before rotation
  bool qkv_bias = false;
  bool tied = false;  // lm_head is the embedding matrix
  Activation activation = Activation::kSilu;
  MoeSpec moe;
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;

  int n_layers() const { return static_cast<int>(layers.size()); }
  int q_width() const { return heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
};

// Every weight that a forward pass may ask for.
enum class Role {
  kEmbedding,
  kFinalNorm,
  kLmHead,
  kAttnNorm,
  kAttnPostNorm,
  kFfnNorm,
  kFfnPostNorm,
  kQ,
  kK,
  kV,
  kO,
  kQBias,
  kKBias,
  kVBias,
  kQNorm,
  kKNorm,
  kGate,
  kUp,
  kDown,
  kRouter,
  kRouterBias,
  kExpertGate,
  kExpertUp,
  kExpertDown,
  kSharedGate,
  kSharedUp,
  kSharedDown,
};

}  // namespace ondol
