// The body of POST /v1/embeddings, parsed and checked: OpenAI's fields, truncate_prompt_tokens as in vLLM, and input_type as in the APIs of
// Cohere and NVIDIA.
//
// Owner: value types; pure functions. Any thread. Bounded by kMaxEmbeddingInputs and by the JSON limits the body passed.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/embedding_model.h"
#include "endpoint/field_reader.h"

namespace ondol {

enum class EncodingFormat : uint8_t {
  kFloat,   // an array of numbers
  kBase64,  // the floats' bytes, little endian: what OpenAI's clients ask for
};

struct EmbeddingsRequest {
  std::string model;
  std::vector<EmbeddingInput> inputs;  // at least one
  EncodingFormat format = EncodingFormat::kFloat;
  std::optional<int64_t> dimensions;  // at least 1; not yet compared with the model's
  // None where the request has none: a text is then embedded as it is given, and prefixes are the client's affair.
  InputType input_type = InputType::kNone;
  std::optional<int64_t> truncate;   // 1 or more, or kTruncateToModel
  std::vector<std::string> ignored;  // names of fields that had no effect, fit for a header
};

ApiResult<EmbeddingsRequest> parse_embeddings_request(const boost::json::value& body);

// truncate_prompt_tokens, for both endpoints.
ApiResult<std::optional<int64_t>> parse_truncation(FieldReader& fields);

}  // namespace ondol
