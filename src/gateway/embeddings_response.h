// The answer to POST /v1/embeddings, as OpenAI's API has it: vectors as arrays of numbers or in base64, and what was counted.
//
// Owner: pure functions. Any thread, but not an HTTP thread: it computes. Bounded by the request's limits: 2048 vectors of 384 numbers are
// some 9 MB of text.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/embedding_model.h"
#include "gateway/embeddings_request.h"
#include "gateway/json_scan.h"

namespace ondol {

// The whole endpoint: body in, answer out. `stop` (may be null) is asked now and then whether nobody waits any more: then the error has
// status 499.
ApiResult<HttpResponse> answer_embeddings(std::span<const EmbeddingModel> models, std::string_view body, const JsonLimits& limits = {},
                                          const std::function<bool()>& stop = {});

// The first `dimensions` numbers (not more than there are) of a vector, brought to length 1 again. A vector of zeros stays one.
void shorten(std::vector<float>& vector, size_t dimensions);

std::string embeddings_json(std::string_view model, std::span<const std::vector<float>> vectors, EncodingFormat format,
                            size_t prompt_tokens);

// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);

}  // namespace ondol
