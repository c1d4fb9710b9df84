// Ready-made descriptions. Sizes are those of the models' published config.json files; a "-fp8" name has 8-bit linear weights and
// activations, "-w4" NVFP4 weights with 16-bit activations (4 bits and an 8-bit scale for 16 of them).
#include <algorithm>
#include <array>
#include <string>

#include "cost/model_shape.h"

namespace ondol {
namespace {

struct Known {
  std::string_view name;
  int layers;
  int64_t hidden, heads, kv_heads, head_dim, ffn, vocab, max_context;
  bool tied = false;
  int64_t experts = 0, experts_per_token = 0, expert_ffn = 0, shared_ffn = 0;
  int dense_layers = 0;
  int windowed_layers = 0;
  int64_t window = 0;
  int ffn_matrices = 3;
};

// clang-format off
constexpr std::array kKnown{
    Known{"exaone-4.0-1.2b", 30, 2048, 32, 8, 64, 4096, 102400, 65536, true},
    Known{"exaone-4.0-32b", 64, 5120, 40, 8, 128, 27392, 102400, 131072, false, 0, 0, 0, 0, 0, 48, 4096},
    Known{"exaone-3.5-7.8b", 32, 4096, 32, 8, 128, 14336, 102400, 32768},
    Known{"exaone-3.5-32b", 64, 5120, 40, 8, 128, 27392, 102400, 32768},
    Known{"k-exaone-236b-a23b", 48, 6144, 64, 8, 128, 18432, 153600, 262144, false, 128, 8, 2048, 2048, 1, 36, 128},
    Known{"llama-3.1-8b", 32, 4096, 32, 8, 128, 14336, 128256, 131072},
    Known{"llama-3.1-70b", 80, 8192, 64, 8, 128, 28672, 128256, 131072},
    Known{"llama-3.3-70b", 80, 8192, 64, 8, 128, 28672, 128256, 131072},
    Known{"llama-3.1-405b", 126, 16384, 128, 8, 128, 53248, 128256, 131072},
    Known{"llama-2-7b", 32, 4096, 32, 32, 128, 11008, 32000, 4096},
    Known{"llama-4-scout", 48, 5120, 40, 8, 128, 16384, 202048, 131072, false, 16, 1, 8192, 8192, 0, 36, 8192},
    Known{"llama-4-maverick", 48, 5120, 40, 8, 128, 16384, 202048, 131072, false, 128, 1, 8192, 8192, 24, 36, 8192},
    Known{"qwen3-8b", 36, 4096, 32, 8, 128, 12288, 151936, 40960},
    Known{"qwen3-14b", 40, 5120, 40, 8, 128, 17408, 151936, 40960},
    Known{"qwen3-32b", 64, 5120, 64, 8, 128, 25600, 151936, 40960},
    Known{"qwen3-30b-a3b", 48, 2048, 32, 4, 128, 6144, 151936, 262144, false, 128, 8, 768, 0, 0},
    Known{"qwen3-235b-a22b", 94, 4096, 64, 4, 128, 12288, 151936, 262144, false, 128, 8, 1536, 0, 0},
    Known{"gemma-3-12b", 48, 3840, 16, 8, 256, 15360, 262208, 131072, true, 0, 0, 0, 0, 0, 40, 1024},
    Known{"gemma-3-27b", 62, 5376, 32, 16, 128, 21504, 262208, 131072, true, 0, 0, 0, 0, 0, 52, 1024},
    Known{"gpt-j-6b", 28, 4096, 16, 16, 256, 16384, 50400, 2048, false, 0, 0, 0, 0, 0, 0, 0, 2},
};
// clang-format on

ModelShape shape_of(const Known& known) {
  ModelShape shape;
  shape.name = known.name;
  shape.layers = known.layers;
  shape.hidden = known.hidden;
  shape.heads = known.heads;
  shape.kv_heads = known.kv_heads;
  shape.head_dim = known.head_dim;
  shape.ffn = known.ffn;
  shape.vocab = known.vocab;
  shape.max_context = known.max_context;
  shape.tied_embeddings = known.tied;
  shape.experts = known.experts;
  shape.experts_per_token = known.experts_per_token;
  shape.expert_ffn = known.expert_ffn;
  shape.shared_ffn = known.shared_ffn;
  shape.dense_layers = known.dense_layers;
  shape.windowed_layers = known.windowed_layers;
  shape.window = known.window;
  shape.ffn_matrices = known.ffn_matrices;
  return shape;
}

}  // namespace

Result<ModelShape> builtin_model(std::string_view name) {
  std::string_view base = name;
  const bool fp8 = base.ends_with("-fp8");
  const bool w4 = base.ends_with("-w4");
  if (fp8) base.remove_suffix(4);
  if (w4) base.remove_suffix(3);
  const auto* found = std::ranges::find(kKnown, base, &Known::name);
  if (found == kKnown.end()) {
    std::string list;
    for (const std::string& known : builtin_model_names()) list += (list.empty() ? "" : ", ") + known;
    return fail(Code::kNotFound, "no ready-made description of " + quoted(name) + "; there are: " + list +
                                     ", each also with -fp8 or -w4. For another model give its config.json");
  }
  ModelShape shape = shape_of(*found);
  shape.name = name;
  if (fp8) shape.weight_bytes = 1, shape.activation_bits = 8;
  if (w4) shape.weight_bytes = 0.5625;
  return shape;
}

std::vector<std::string> builtin_model_names() {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.emplace_back(known.name);
  return names;
}

}  // namespace ondol
