// An encoder's weights as the kernels want them: matrices packed into panels, norms and biases as floats.
//
// Owner: the Encoder. Immutable after `load`; any thread. Memory: one arena with the matrices, about the size of the file less its word
// embedding, which stays in the file: rows are read from the map.
#pragma once

#include <vector>

#include "base/team.h"
#include "engine/arena.h"
#include "kernel/matmul.h"
#include "model/e5s1.h"

namespace ondol {

struct EncoderLinear {
  PackedMatrix matrix;
  std::vector<float> bias;
};

struct EncoderNorm {
  std::vector<float> weight, bias;
};

struct EncoderLayer {
  EncoderLinear q, k, v, o, up, down;
  EncoderNorm attn_norm, out_norm;  // after the residual sums
};

class EncoderWeights {
 public:
  // Packs with all members of `team`. The file outlives the object. Errors: a tensor that is missing or has another shape than the header
  // implies (what E5s1File::tensor says), kResourceExhausted.
  static Result<EncoderWeights> load(const E5s1File& file, Isa isa, Team& team);

  const Tensor& words() const { return words_; }                   // [vocab][hidden]
  const std::vector<float>& positions() const { return places_; }  // [max_positions][hidden], token type 0 already added
  const EncoderNorm& embedding_norm() const { return embedding_norm_; }
  const std::vector<EncoderLayer>& layers() const { return layers_; }
  uint64_t bytes() const { return arena_.size(); }

 private:
  class Loader;

  Arena arena_;
  Tensor words_;
  std::vector<float> places_;
  EncoderNorm embedding_norm_;
  std::vector<EncoderLayer> layers_;
};

}  // namespace ondol
