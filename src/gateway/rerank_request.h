// The body of POST /v1/rerank, parsed and checked, in the shape that Jina's and Cohere's APIs and vLLM share.
//
// Owner: value types; a pure function. Any thread. Bounded by kMaxEmbeddingInputs documents and by the JSON limits the body passed.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/embedding_model.h"

namespace ondol {

struct RerankRequest {
  std::string model;
  std::string query;                   // not empty
  std::vector<std::string> documents;  // at least one
  size_t top_n = 0;                    // of the documents; all where the request has none
  bool return_documents = true;        // as Jina and vLLM do; Cohere's clients do not mind
  std::optional<int64_t> truncate;     // as EmbeddingsRequest::truncate, for the query and every document
  std::string instruction;             // what makes a document fit, for chat models; empty = theirs for web searches
  std::vector<std::string> ignored;    // names of fields that had no effect, fit for a header
};

// Documents are strings, or objects with a string "text".
ApiResult<RerankRequest> parse_rerank_request(const boost::json::value& body);

}  // namespace ondol
