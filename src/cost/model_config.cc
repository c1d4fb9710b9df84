// A Hugging Face config.json as a ModelShape. The keys are those that transformers' configurations share; what a model adds beside them
// (vision towers, prediction heads) is not counted.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cmath>
#include <optional>

#include "cost/model_shape.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr int64_t kMaxValue = int64_t{1} << 40;

class Config {
 public:
  explicit Config(const json::object& object) : object_(object) {}

  const json::value* find(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      const json::value* value = object_.if_contains(json::string_view(name.data(), name.size()));
      if (value != nullptr && !value->is_null()) return value;
    }
    return nullptr;
  }

  // The first of the names that is there. Errors: not a whole number in range, or none there and no default.
  Result<int64_t> integer(std::initializer_list<std::string_view> names, std::optional<int64_t> otherwise = {}) const {
    const json::value* value = find(names);
    const std::string name(*names.begin());
    if (value == nullptr) {
      if (otherwise) return *otherwise;
      return fail(Code::kInvalidArgument, "the config has no " + name + ": is it a language model's config.json?");
    }
    const double number = value->is_number() ? value->to_number<double>() : -1;
    if (!(number >= 0 && number <= static_cast<double>(kMaxValue)) || std::floor(number) != number) {
      return fail(Code::kInvalidArgument, name + " must be a whole number from 0 to " + std::to_string(kMaxValue));
    }
    return static_cast<int64_t>(number);
  }

  bool boolean(std::string_view name, bool otherwise) const {
    const json::value* value = find({name});
    return value != nullptr && value->is_bool() ? value->get_bool() : otherwise;
  }

  std::string_view text(std::string_view name) const {
    const json::value* value = find({name});
    if (value == nullptr || !value->is_string()) return {};
    return {value->get_string().data(), value->get_string().size()};
  }

  const json::array* list(std::initializer_list<std::string_view> names) const {
    const json::value* value = find(names);
    return value != nullptr ? value->if_array() : nullptr;
  }

  const json::object* object(std::string_view name) const {
    const json::value* value = find({name});
    return value != nullptr ? value->if_object() : nullptr;
  }

 private:
  const json::object& object_;
};

int count_text(const json::array& list, std::string_view text) {
  return static_cast<int>(std::ranges::count_if(list, [&](const json::value& value) {
    return value.is_string() && std::string_view(value.get_string().data(), value.get_string().size()) == text;
  }));
}

// layer_types is the truth where it is there; else one full layer after each sliding_window_pattern - 1 windowed ones.
Status read_windows(const Config& config, ModelShape& shape) {
  ONDOL_TRY(shape.window, config.integer({"sliding_window"}, 0));
  if (shape.window == 0 || !config.boolean("use_sliding_window", true)) {
    shape.window = 0;
    return {};
  }
  if (const json::array* types = config.list({"layer_types"})) {
    shape.windowed_layers = std::min(shape.layers, count_text(*types, "sliding_attention"));
    return {};
  }
  const std::string_view pattern_text = config.text("sliding_window_pattern");
  if (!pattern_text.empty()) {  // "LLLG", repeated
    for (int i = 0; i < shape.layers; ++i) shape.windowed_layers += pattern_text[static_cast<size_t>(i) % pattern_text.size()] == 'L';
    return {};
  }
  ONDOL_TRY(const int64_t pattern, config.integer({"sliding_window_pattern"}, 0));
  if (pattern == 0) {
    shape.windowed_layers = shape.layers;
  } else {
    shape.windowed_layers = shape.layers - static_cast<int>(shape.layers / pattern);
  }
  return {};
}

Status read_experts(const Config& config, ModelShape& shape) {
  ONDOL_TRY(shape.experts, config.integer({"num_experts", "num_local_experts", "n_routed_experts"}, 0));
  if (shape.experts <= 1) {
    shape.experts = 0;
    return {};
  }
  ONDOL_TRY(shape.experts_per_token, config.integer({"num_experts_per_tok", "moe_topk", "top_k_experts"}));
  ONDOL_TRY(shape.expert_ffn, config.integer({"moe_intermediate_size", "intermediate_size"}));
  ONDOL_TRY(const int64_t shared, config.integer({"num_shared_experts", "n_shared_experts"}, 0));
  if (shared > 1024 || shape.expert_ffn > (1 << 20)) return fail(Code::kInvalidArgument, "more or wider shared experts than any model has");
  ONDOL_TRY(shape.shared_ffn, config.integer({"shared_expert_intermediate_size"}, shared * shape.expert_ffn));
  ONDOL_TRY(int64_t dense, config.integer({"first_k_dense_replace", "first_last_k_dense_replace"}, 0));
  if (const json::array* types = config.list({"mlp_layer_types"})) dense = count_text(*types, "dense");
  if (const json::array* moe = config.list({"is_moe_layer"})) {
    dense = std::ranges::count_if(*moe, [](const json::value& value) { return value.is_bool() && !value.get_bool(); });
  }
  shape.dense_layers = static_cast<int>(std::min<int64_t>(dense, shape.layers));
  return {};
}

// Bytes of a linear weight, with its scales, by what the checkpoint says of its quantisation.
void read_precision(const Config& config, ModelShape& shape) {
  const std::string_view dtype = config.text("torch_dtype").empty() ? config.text("dtype") : config.text("torch_dtype");
  if (dtype == "float32") shape.weight_bytes = 4;
  const json::object* quantised = config.object("quantization_config");
  if (quantised == nullptr) return;
  const Config inner(*quantised);
  std::string kind(inner.text("quant_method"));
  for (const std::string_view key : {"fmt", "format", "quant_algo"}) kind += " " + std::string(inner.text(key));
  std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  const Result<int64_t> bits = inner.integer({"bits"}, 0);
  if (kind.find("fp4") != std::string::npos || (bits && *bits == 4) || kind.find("awq") != std::string::npos) {
    shape.weight_bytes = 0.5625;
  } else if (kind.find("fp8") != std::string::npos || kind.find("float-quantized") != std::string::npos) {
    shape.weight_bytes = 1;
    shape.activation_bits = 8;
  } else if (kind.find("int8") != std::string::npos || (bits && *bits == 8)) {
    shape.weight_bytes = 1;
  }
}

Result<int64_t> at_most(Result<int64_t> value, std::string_view name, int64_t max) {
  if (!value || *value <= max) return value;
  return fail(Code::kInvalidArgument,
              std::string(name) + " is " + std::to_string(*value) + "; at most " + std::to_string(max) + " is possible");
}

Result<ModelShape> read_shape(const Config& config, ModelShape shape) {
  ONDOL_TRY(const int64_t layers, at_most(config.integer({"num_hidden_layers", "n_layer", "num_layers"}), "num_hidden_layers", 1024));
  shape.layers = static_cast<int>(layers);
  ONDOL_TRY(shape.hidden, at_most(config.integer({"hidden_size", "n_embd"}), "hidden_size", 65536));
  ONDOL_TRY(shape.heads, at_most(config.integer({"num_attention_heads", "n_head"}), "num_attention_heads", 1024));
  if (shape.heads == 0) return fail(Code::kInvalidArgument, "num_attention_heads must not be 0");
  ONDOL_TRY(shape.kv_heads, config.integer({"num_key_value_heads"}, shape.heads));
  ONDOL_TRY(shape.head_dim, config.integer({"head_dim"}, shape.hidden / shape.heads));
  const bool gptj = config.text("model_type") == "gptj";
  ONDOL_TRY(shape.ffn, config.integer({"intermediate_size", "n_inner", "ffn_dim"}, 4 * shape.hidden));
  if (gptj) shape.ffn_matrices = 2;
  ONDOL_TRY(shape.vocab, config.integer({"vocab_size"}));
  ONDOL_TRY(shape.max_context, config.integer({"max_position_embeddings", "n_positions"}, 4096));
  shape.tied_embeddings = config.boolean("tie_word_embeddings", shape.tied_embeddings);
  ONDOL_TRY_STATUS(read_windows(config, shape));
  ONDOL_TRY_STATUS(read_experts(config, shape));
  read_precision(config, shape);
  ONDOL_TRY_STATUS(check_shape(shape));
  return shape;
}

}  // namespace

Result<ModelShape> parse_model_config(std::string_view config_json, std::string_view name) {
  if (config_json.size() > kMaxConfigBytes) {
    return fail(Code::kPayloadTooLarge, "a config.json has at most " + std::to_string(kMaxConfigBytes) + " bytes");
  }
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  const json::value value = json::parse(json::string_view(config_json.data(), config_json.size()), error, {}, options);
  if (error || !value.is_object()) return fail(Code::kInvalidArgument, "config.json is not a JSON object: " + error.message());
  const Config outer(value.get_object());
  ModelShape shape;
  shape.name = name;
  shape.tied_embeddings = outer.boolean("tie_word_embeddings", false);
  read_precision(outer, shape);
  if (const json::object* text = outer.object("text_config")) return read_shape(Config(*text), std::move(shape));
  return read_shape(outer, std::move(shape));
}

}  // namespace ondol
