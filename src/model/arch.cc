#include "model/arch.h"

#include <algorithm>
#include <cmath>
#include <string>

// A new architecture needs its own arch_NAME.cc and one line here.
#define ONDOL_ARCHITECTURES(X) \
  X(llama)                     \
  X(qwen2)                     \
  X(qwen3)                     \
  X(gemma3)                    \
  X(exaone)                    \
  X(exaone4)                   \
  X(exaone_moe)

namespace ondol {

#define ONDOL_DECLARE(name) const Architecture& name##_architecture();
ONDOL_ARCHITECTURES(ONDOL_DECLARE)
#undef ONDOL_DECLARE

namespace {

std::vector<const Architecture*> all_architectures() {
#define ONDOL_LIST(name) &name##_architecture(),
  return {ONDOL_ARCHITECTURES(ONDOL_LIST)};
#undef ONDOL_LIST
}

bool knows(const Architecture& architecture, std::string_view name, bool gguf) {
  if (gguf) return architecture.gguf_name == name;
  return std::find(architecture.hf_names.begin(), architecture.hf_names.end(), name) != architecture.hf_names.end();
}

Status check_layers(const ModelSpec& spec) {
  for (const LayerSpec& layer : spec.layers) {
    if (layer.window < 0 || layer.rope < -1 || layer.rope >= static_cast<int>(spec.ropes.size()) || !(layer.swiglu_limit >= 0)) {
      return fail(Code::kInternal, "the description of " + spec.arch + " made a layer that cannot be run");
    }
    if (layer.moe && (spec.moe.experts < 1 || spec.moe.top_k < 1 || spec.moe.top_k > spec.moe.experts || spec.moe.expert_ffn < 1)) {
      return fail(Code::kInvalidArgument, "the model has expert layers, but " + std::to_string(spec.moe.experts) + " experts, of which " +
                                              std::to_string(spec.moe.top_k) + " are used");
    }
  }
  return {};
}

}  // namespace

Result<const Architecture*> find_architecture(const Source& source) {
  for (const std::string_view tower : {"vision_config", "audio_config"}) {
    if (source.kind({tower, ""}) == Kind::kObject) {
      return fail(Code::kUnimplemented, "the model has a " + std::string(tower) + ": models that see or hear are not supported");
    }
  }
  const std::vector<std::string> names = source.architecture_names();
  for (const std::string_view name : names) {
    for (const Architecture* architecture : all_architectures()) {
      if (knows(*architecture, name, source.is_gguf())) return architecture;
    }
  }
  std::string known;
  for (const std::string_view name : architecture_names()) known += (known.empty() ? "" : ", ") + std::string(name);
  const std::string_view found = names.empty() ? std::string_view() : std::string_view(names.front());
  return fail(Code::kUnimplemented, found.empty() ? "config.json names no architecture (model_type or architectures); known are " + known
                                                  : "architecture " + quoted(found) + " is not supported; known are " + known);
}

std::vector<std::string_view> architecture_names() {
  std::vector<std::string_view> names;
  for (const Architecture* architecture : all_architectures()) names.push_back(architecture->name);
  return names;
}

Result<ModelSpec> describe_model(const Architecture& architecture, const Source& source) {
  ModelSpec spec;
  spec.arch = architecture.name;
  ONDOL_TRY_STATUS(architecture.describe(source, spec));
  ONDOL_TRY_STATUS(check_layers(spec));
  return spec;
}

}  // namespace ondol
