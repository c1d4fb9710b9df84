// The answer to POST /v1/rerank: documents by their likeness to a query, and how an embedding model finds it (chat models: chat_rerank).
//
// There the score is the cosine of the vectors that the embedding model gives to "query: ..." and "passage: ...". E5's cosines lie close
// together, about 0.7 to 0.95 also for texts that have nothing in common: they rank, but a threshold at 0.5 says nothing.
//
// Owner: pure functions. Any thread, but not an HTTP thread: it computes. Bounded by the request's limits.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gateway/embedding_model.h"
#include "gateway/rerank_request.h"

namespace ondol {

// The whole endpoint: body in, answer out. `stop` as for answer_embeddings.
ApiResult<HttpResponse> answer_rerank(std::span<const EmbeddingModel> models, const boost::json::value& body,
                                      const std::function<bool()>& stop = {});

struct RerankResult {
  size_t index;  // of the document
  double score;
};

// The best `top_n`, best first, of equal ones the first.
std::vector<RerankResult> best_first(std::vector<RerankResult> results, size_t top_n);

// The same of documents by their vectors, which have length 1.
std::vector<RerankResult> rank_documents(std::span<const float> query, std::span<const std::vector<float>> documents, size_t top_n);

std::string rerank_json(const RerankRequest& request, std::span<const RerankResult> results, size_t total_tokens);

}  // namespace ondol
