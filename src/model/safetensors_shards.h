// Which files of a folder hold a model's safetensors.
//
// Owner: SafetensorsFile. Any thread. Bounded by SafetensorsLimits; names that reach out of the folder are refused.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "model/safetensors.h"

namespace ondol {

struct SafetensorsShards {
  std::vector<std::string> files;             // names inside the folder, sorted
  std::vector<std::string> promised_tensors;  // that the index says are there; empty without an index
};

// By model.safetensors.index.json, else model.safetensors alone, else all of model-0000x-of-0000y.safetensors.
Result<SafetensorsShards> list_safetensors_shards(const std::string& folder, const SafetensorsLimits& limits);

}  // namespace ondol
