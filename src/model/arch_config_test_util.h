// Configurations for tests of the architecture descriptions: four layers, hidden 64, four heads, changed key by key.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/arch.h"

namespace ondol {

using Changes = std::vector<std::pair<std::string, std::string>>;  // key, JSON value; later ones win

inline std::string hf_config(const std::string& model_type, const Changes& changes) {
  std::map<std::string, std::string> members = {
      {"model_type", "\"" + model_type + "\""},
      {"hidden_size", "64"},
      {"num_hidden_layers", "4"},
      {"num_attention_heads", "4"},
      {"num_key_value_heads", "2"},
      {"intermediate_size", "112"},
      {"vocab_size", "160"},
      {"max_position_embeddings", "1024"},
      {"rms_norm_eps", "1e-05"},
  };
  for (const auto& [key, value] : changes) members[key] = value;
  std::string out;
  for (const auto& [key, value] : members) out += (out.empty() ? "{" : ",") + ("\"" + key + "\":") + value;
  return out + "}";
}

inline Result<ModelSpec> try_describe(const std::string& config) {
  ONDOL_TRY(const auto source, parse_hf_config(config));
  ONDOL_TRY(const Architecture* architecture, find_architecture(*source));
  return describe_model(*architecture, *source);
}

inline ModelSpec describe_hf(const std::string& model_type, const Changes& changes) {
  auto spec = try_describe(hf_config(model_type, changes));
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? *spec : ModelSpec();
}

inline std::string describe_error(const std::string& model_type, const Changes& changes) {
  const auto spec = try_describe(hf_config(model_type, changes));
  return spec ? "described without an error" : spec.error().message;
}

}  // namespace ondol
