// A model on disk, opened: its description, its weights (views into mapped files), its tokenizer and its chat template.
//
// Owner: shared by the engine and the gateway. Immutable after opening; any thread may read. Bounded by the files' sizes and by the
// limits in the readers (gguf.h, safetensors.h). Nothing is allocated in proportion to a number that a file merely claims.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/spec.h"
#include "model/tensor.h"

namespace ondol {

class Tokenizer;

// Sampling defaults that the model's authors recommend (generation_config.json); negative = not given.
struct SamplingDefaults {
  float temperature = -1, top_p = -1, min_p = -1, repetition_penalty = -1;
  int top_k = -1;
};

class Model {
 public:
  virtual ~Model() = default;

  // `path`: a .gguf file (any part of a split one), or a Hugging Face folder with config.json.
  static Result<std::unique_ptr<Model>> open(const std::string& path);

  virtual const ModelSpec& spec() const = 0;

  // The weight for a role; `layer` for roles inside layers, `expert` for expert roles. Shapes are checked against the spec when the model
  // is opened: a role that the spec implies exists and fits (so kNotFound here is a programmer's error, or a role the spec rules out).
  virtual Result<Tensor> weight(Role role, int layer = -1, int expert = -1) const = 0;

  // Whether rows of q and k weights (and biases) come as interleaved rotary pairs and must be re-ordered to halves (llama-arch GGUF).
  virtual bool interleaved_rope_rows() const = 0;

  // Null if the model has none that this program can read; `tokenizer_error` says why.
  virtual const Tokenizer* tokenizer() const = 0;
  virtual const std::string& tokenizer_error() const = 0;

  virtual const std::string& chat_template() const = 0;         // Jinja source; empty if none
  virtual const std::vector<int32_t>& stop_tokens() const = 0;  // all end-of-sequence and end-of-turn ids
  virtual const SamplingDefaults& sampling_defaults() const = 0;
  virtual const std::string& license() const = 0;  // from metadata, may be empty

  virtual uint64_t parameter_count() const = 0;
  virtual uint64_t file_bytes() const = 0;
  virtual std::string format() const = 0;        // "GGUF v3", "safetensors"
  virtual std::string quantization() const = 0;  // most common weight type by bytes, "Q4_K"

  // Gives mapped pages back after the engine packed its own copy.
  virtual void drop_resident() const = 0;
};

}  // namespace ondol
