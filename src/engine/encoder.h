// Text embeddings: a BERT-style encoder (XLM-RoBERTa) over token ids, mean pooling, and unit length.
//
// Owner: whoever opened it. Any thread; `embed` lets one batch of texts at a time use the thread team, so that callers take turns batch by
// batch. Bounded: buffers are sized once, for kBatchTokens tokens or the longest text.
//
// Texts are computed together, all their tokens in one product with each matrix. A text's vector is a function of its own tokens, bit for
// bit, whatever is computed with it: that follows from the kernels' contract (kernel/matmul.h, kernel/attention.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/isa.h"
#include "model/tokenizer.h"

namespace ondol {

class Encoder {
 public:
  static constexpr int kBatchTokens = 512;

  // An E5S1 file (model/e5s1.h). `threads` >= 1 compute together; they sleep while there is nothing to do.
  static Result<std::unique_ptr<Encoder>> open(const std::string& path, int threads, Isa isa = best_isa());
  ~Encoder();

  // One vector of dimensions() floats and length 1 for each text, which is given as its token ids with <s> and </s>. `stop` (may be null)
  // is asked before each batch. Errors name the text by its index: kInvalidArgument (no tokens, an id outside the vocabulary), kOutOfRange
  // (more than max_tokens()); kCancelled (stop() was true); kDataLoss (the weights lead to numbers that are not finite).
  Result<std::vector<std::vector<float>>> embed(std::span<const std::vector<int32_t>> texts, const std::function<bool()>& stop = {}) const;

  int dimensions() const;
  int max_tokens() const;
  const Tokenizer& tokenizer() const;
  uint64_t memory_bytes() const;  // packed weights and buffers, without the mapped file

 private:
  struct State;
  explicit Encoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ondol
