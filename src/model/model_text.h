// What surrounds the weights in both formats: tokenizer, chat template, stop tokens, sampling defaults, licence.
//
// Owner: the Model. Immutable after reading; any thread. Bounded by the limits on file sizes in model_text.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/model.h"
#include "model/tokenizer.h"

namespace ondol {

struct ModelText {
  std::unique_ptr<Tokenizer> tokenizer;  // may be null
  std::string tokenizer_error;
  std::string chat_template;
  std::vector<int32_t> stop_tokens;  // sorted, without repeats
  SamplingDefaults sampling;
  std::string license;
};

// `vocab`: rows of the embedding matrix; every id must be below it. A tokenizer that cannot be read is no error, the rest is.
Result<ModelText> read_gguf_text(const GgufFile& file, int vocab);
Result<ModelText> read_hf_text(const std::string& folder, int vocab);

}  // namespace ondol
