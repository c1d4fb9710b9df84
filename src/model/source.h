// One view of a model on disk, whatever its format: configuration values by key, tensors by name. The architecture descriptions (arch_*.cc)
// and the weight table read only this.
//
// Owner: the Model. Immutable; any thread. Values are checked for their type: a wrong one is an error that names the key. Bounded by the
// readers below (gguf.h, safetensors.h, json_file.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tensor.h"

namespace ondol {

class GgufFile;

// A value's name in both formats; empty where a format does not have it.
// `hf`: path in config.json, "/" between levels. `gguf`: metadata key without the architecture in front ("rope.freq_base"); keys that start
// with "general." or "tokenizer." stand as they are.
struct Key {
  std::string_view hf;
  std::string_view gguf;
};

enum class Kind { kAbsent, kInteger, kNumber, kBoolean, kString, kList, kObject };

class Source {
 public:
  virtual ~Source() = default;

  virtual bool is_gguf() const = 0;
  virtual std::string format() const = 0;  // "GGUF v3", "safetensors"
  // The names under which the file announces its architecture, most telling first.
  virtual std::vector<std::string> architecture_names() const = 0;

  // JSON null counts as absent.
  virtual Kind kind(const Key& key) const = 0;
  bool has(const Key& key) const { return kind(key) != Kind::kAbsent; }
  // Nothing if absent. Errors: kInvalidArgument for a value of another type.
  virtual Result<std::optional<int64_t>> integer(const Key& key) const = 0;
  virtual Result<std::optional<double>> number(const Key& key) const = 0;  // also integers; always finite
  virtual Result<std::optional<bool>> boolean(const Key& key) const = 0;
  virtual Result<std::optional<std::string>> string(const Key& key) const = 0;
  virtual Result<std::optional<std::vector<int64_t>>> integers(const Key& key) const = 0;  // also booleans, as 0 and 1
  virtual Result<std::optional<std::vector<double>>> numbers(const Key& key) const = 0;
  virtual Result<std::optional<std::vector<std::string>>> strings(const Key& key) const = 0;
  // How an error message calls the key.
  virtual std::string name_of(const Key& key) const = 0;

  virtual bool has_tensor(std::string_view name) const = 0;
  virtual Result<Tensor> tensor(std::string_view name) const = 0;
  virtual std::vector<std::string_view> tensor_names() const = 0;
  virtual uint64_t file_bytes() const = 0;
  virtual void drop_resident() const = 0;
};

// `arch` in front of keys is the file's own general.architecture.
Result<std::unique_ptr<Source>> open_gguf_source(std::shared_ptr<const GgufFile> file);
// A folder with config.json and safetensors.
Result<std::unique_ptr<Source>> open_hf_source(const std::string& folder);
// Only a configuration, no tensors (tests, fuzzing).
Result<std::unique_ptr<Source>> parse_hf_config(std::string_view config_json);

// Values with bounds; `low` and `high` are inclusive. Errors: kInvalidArgument that names the key, the value and the bounds.
Result<int> require_int(const Source& source, const Key& key, int64_t low, int64_t high);
Result<int> int_or(const Source& source, const Key& key, int fallback, int64_t low, int64_t high);
Result<double> number_or(const Source& source, const Key& key, double fallback, double low, double high);
Result<bool> boolean_or(const Source& source, const Key& key, bool fallback);

}  // namespace ondol
