// Rotary settings and window patterns of the architecture descriptions (arch_common.h).
#include <algorithm>
#include <string>

#include "model/arch_common.h"
#include "model/rope.h"

namespace ondol {
namespace {

constexpr double kMaxTheta = 1e15;  // the largest published base is 1e9
constexpr double kMaxFactor = 1e6;
constexpr int64_t kMaxWindow = 1 << 27;
constexpr int64_t kMaxPeriod = 1024;
constexpr int kExaonePeriod = 4;  // "LLLG"

const Key kWindow{"sliding_window", "attention.sliding_window"};

Result<RopeScaling> read_scaling_rule(const Source& source, const std::string& type, const std::string& prefix) {
  RopeScaling scaling;
  const auto number = [&](std::string_view name, double low, double high) -> Result<double> {
    const std::string path = prefix + "/" + std::string(name);
    if (!source.has({path, ""})) return fail(Code::kInvalidArgument, source.name_of({path, ""}) + " is missing");
    return number_or(source, {path, ""}, 0, low, high);
  };
  if (type == "default" || type == "none") return scaling;
  if (type == "linear") {
    scaling.rule = RopeScaling::Rule::kLinear;
    ONDOL_TRY(scaling.factor, number("factor", 1e-6, kMaxFactor));
    return scaling;
  }
  if (type != "llama3") {
    return fail(Code::kUnimplemented,
                "rope scaling of type " + quoted(std::string_view(type)) + " is not supported (default, linear and llama3 are)");
  }
  scaling.rule = RopeScaling::Rule::kLlama3;
  ONDOL_TRY(scaling.factor, number("factor", 1e-6, kMaxFactor));
  ONDOL_TRY(scaling.low_freq_factor, number("low_freq_factor", 1e-6, kMaxFactor));
  ONDOL_TRY(scaling.high_freq_factor, number("high_freq_factor", 1e-6, kMaxFactor));
  ONDOL_TRY(scaling.original_context, number("original_max_position_embeddings", 1, 1e9));
  return scaling;
}

Result<RopeSpec> read_hf_rope(const Source& source, int head_dim, double default_theta, std::string_view group) {
  // transformers 5 writes rope_parameters, 4 writes rope_theta and rope_scaling.
  std::string prefix = "rope_parameters";
  if (source.kind({prefix, ""}) == Kind::kObject) {
    if (!group.empty()) prefix += "/" + std::string(group);
  } else {
    prefix = "rope_scaling";
  }
  const std::string partial = prefix + "/partial_rotary_factor";
  ONDOL_TRY(const double rotated, number_or(source, {partial, ""}, 1, 0, 1));
  if (rotated != 1) return fail(Code::kUnimplemented, source.name_of({partial, ""}) + " is set: rotating part of a head is not supported");
  ONDOL_TRY(const double flat_theta, number_or(source, {"rope_theta", ""}, default_theta, 1e-3, kMaxTheta));
  ONDOL_TRY(const double theta, number_or(source, {prefix + "/rope_theta", ""}, flat_theta, 1e-3, kMaxTheta));
  ONDOL_TRY(const auto old_type, source.string({prefix + "/type", ""}));
  ONDOL_TRY(const auto type, source.string({prefix + "/rope_type", ""}));
  ONDOL_TRY(const auto scaling, read_scaling_rule(source, type.value_or(old_type.value_or("default")), prefix));
  return make_rope(head_dim, theta, scaling);
}

Result<RopeSpec> read_gguf_rope(const Source& source, int head_dim, double default_theta) {
  ONDOL_TRY(const double theta, number_or(source, {"", "rope.freq_base"}, default_theta, 1e-3, kMaxTheta));
  ONDOL_TRY(const auto type, source.string({"", "rope.scaling.type"}));
  ONDOL_TRY(const double old_factor, number_or(source, {"", "rope.scale_linear"}, 1, 1e-6, kMaxFactor));
  RopeScaling scaling;
  scaling.factor = old_factor;
  if (old_factor != 1) scaling.rule = RopeScaling::Rule::kLinear;
  if (type && *type == "linear") {
    scaling.rule = RopeScaling::Rule::kLinear;
    ONDOL_TRY(scaling.factor, number_or(source, {"", "rope.scaling.factor"}, old_factor, 1e-6, kMaxFactor));
  } else if (type && *type != "none") {
    return fail(Code::kUnimplemented,
                "rope scaling of type " + quoted(std::string_view(*type)) + " is not supported (none, linear and rope_freqs.weight are)");
  }
  if (source.has_tensor("rope_freqs.weight")) {
    ONDOL_TRY(const Tensor divisors, source.tensor("rope_freqs.weight"));
    if (divisors.elements() != head_dim / 2 || traits(divisors.dtype).block_elements != 1) {
      return fail(Code::kInvalidArgument, "rope_freqs.weight must hold the " + std::to_string(head_dim / 2) + " pairs of a head as floats");
    }
    scaling.divisors.resize(static_cast<size_t>(divisors.elements()));
    dequantize_row(divisors.dtype, divisors.data, divisors.elements(), scaling.divisors.data());
  }
  return make_rope(head_dim, theta, scaling);
}

Result<std::vector<bool>> sliding_from_types(const Source& source, const Key& key, int layers) {
  ONDOL_TRY(const auto types, source.strings(key));
  if (types->size() != static_cast<size_t>(layers)) {
    return fail(Code::kInvalidArgument,
                source.name_of(key) + " has " + std::to_string(types->size()) + " entries for " + std::to_string(layers) + " layers");
  }
  std::vector<bool> sliding;
  for (const std::string_view type : *types) {
    if (type != "sliding_attention" && type != "full_attention") {
      return fail(Code::kUnimplemented,
                  source.name_of(key) + " names " + quoted(type) + "; sliding_attention and full_attention are supported");
    }
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

std::vector<bool> sliding_from_period(int64_t period, int layers) {
  std::vector<bool> sliding;
  for (int layer = 0; layer < layers; ++layer) sliding.push_back(period > 0 && (layer + 1) % period != 0);
  return sliding;
}

Result<std::vector<bool>> sliding_from_letters(const Source& source, const Key& key, int layers) {
  ONDOL_TRY(const auto letters, source.string(key));
  if (letters->empty() || letters->find_first_not_of("LG") != std::string::npos) {
    return fail(Code::kInvalidArgument,
                source.name_of(key) + " is " + quoted(std::string_view(*letters)) + "; only L (local) and G (global) are possible");
  }
  std::vector<bool> sliding;
  for (int layer = 0; layer < layers; ++layer) sliding.push_back((*letters)[static_cast<size_t>(layer) % letters->size()] == 'L');
  return sliding;
}

Result<std::vector<bool>> sliding_from_flags(const Source& source, const Key& key, int layers) {
  ONDOL_TRY(const auto flags, source.integers(key));
  // Files that count draft layers in block_count may list flags for them too.
  if (flags->size() < static_cast<size_t>(layers)) {
    return fail(Code::kInvalidArgument,
                source.name_of(key) + " has " + std::to_string(flags->size()) + " entries for " + std::to_string(layers) + " layers");
  }
  std::vector<bool> sliding;
  for (int layer = 0; layer < layers; ++layer) sliding.push_back((*flags)[static_cast<size_t>(layer)] != 0);
  return sliding;
}

}  // namespace

Result<RopeSpec> read_rope(const Source& source, int head_dim, double default_theta, std::string_view group) {
  if (source.is_gguf()) return read_gguf_rope(source, head_dim, default_theta);
  return read_hf_rope(source, head_dim, default_theta, group);
}

Result<std::vector<bool>> read_sliding(const Source& source, int layers, int default_period) {
  const Key types{"layer_types", ""};
  if (source.has(types)) return sliding_from_types(source, types, layers);
  Key pattern{"sliding_window_pattern", "attention.sliding_window_pattern"};
  if (!source.has(pattern)) pattern = {"_sliding_window_pattern", ""};
  switch (source.kind(pattern)) {
    case Kind::kAbsent: return sliding_from_period(default_period, layers);
    case Kind::kString: return sliding_from_letters(source, pattern, layers);
    case Kind::kList: return sliding_from_flags(source, pattern, layers);
    default: break;
  }
  ONDOL_TRY(const int period, require_int(source, pattern, 0, kMaxPeriod));
  return sliding_from_period(period, layers);
}

Result<int> read_window(const Source& source) { return int_or(source, kWindow, 0, 0, kMaxWindow); }

Status read_qwen_windows(const Source& source, ModelSpec& spec) {
  ONDOL_TRY(const bool used, boolean_or(source, {"use_sliding_window", ""}, false));
  ONDOL_TRY(const int window, read_window(source));
  if (!used || window == 0) return {};
  const int layers = spec.n_layers();
  ONDOL_TRY(const int first, int_or(source, {"max_window_layers", ""}, layers, 0, kMaxWindow));
  std::vector<bool> sliding;
  for (int layer = 0; layer < layers; ++layer) sliding.push_back(layer >= first);
  if (const Key types{"layer_types", ""}; source.has(types)) {
    ONDOL_TRY(sliding, sliding_from_types(source, types, layers));
  }
  for (int layer = 0; layer < layers; ++layer) {
    if (sliding[static_cast<size_t>(layer)]) spec.layers[static_cast<size_t>(layer)].window = window;
  }
  return {};
}

Status read_exaone_windows(const Source& source, ModelSpec& spec) {
  const size_t layers = spec.layers.size();
  std::vector<int64_t> windows(layers, 0);
  bool any = false;
  Key listed{"sliding_windows", ""};
  if (source.kind(kWindow) == Kind::kList) listed = kWindow;
  if (source.has(listed)) {
    ONDOL_TRY(const auto list, source.integers(listed));
    if (list->size() < layers) {
      return fail(Code::kInvalidArgument,
                  source.name_of(listed) + " has " + std::to_string(list->size()) + " entries for " + std::to_string(layers) + " layers");
    }
    std::copy_n(list->begin(), layers, windows.begin());
    any = std::any_of(windows.begin(), windows.end(), [](int64_t window) { return window != 0; });
  } else {
    ONDOL_TRY(const int window, read_window(source));
    any = window > 0;
    // Without a window a pattern means nothing (the 1.2B configuration has one), but layer_types must agree.
    std::vector<bool> sliding(layers, false);
    if (any || source.has({"layer_types", ""})) {
      ONDOL_TRY(sliding, read_sliding(source, static_cast<int>(layers), kExaonePeriod));
    }
    for (size_t layer = 0; layer < layers; ++layer) {
      if (sliding[layer] && !any) {
        return fail(Code::kInvalidArgument, "layer " + std::to_string(layer) + " slides, but " + source.name_of(kWindow) + " is missing");
      }
      windows[layer] = sliding[layer] ? window : 0;
    }
  }
  for (size_t layer = 0; layer < layers; ++layer) {
    if (windows[layer] < 0 || windows[layer] > kMaxWindow) {
      return fail(Code::kInvalidArgument, source.name_of(listed) + " has a window of " + std::to_string(windows[layer]) + " keys");
    }
    spec.layers[layer].window = static_cast<int>(windows[layer]);
    spec.layers[layer].rope = any && windows[layer] == 0 ? -1 : 0;
  }
  return {};
}

}  // namespace ondol
