// Private to this room: what furiosa-llm refuses, in its words.
//
// Pure functions; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <expected>
#include <string>

#include "net/http.h"
#include "twin/surface_common.h"

namespace ondol {

template <class T>
using FuriosaResult = std::expected<T, HttpResponse>;

// The body of a POST: its content type, JSON, an object.
FuriosaResult<boost::json::object> furiosa_body(const HttpRequest& request);

struct FuriosaLimits {
  int64_t max_model_len = 4096;
  uint64_t seed = 1;
  bool relayed = false;  // the requests carry a question
};
FuriosaResult<GenerationRequest> furiosa_chat_request(const boost::json::object& body, const TwinTokenizer& tokenizer,
                                                      const FuriosaLimits& limits);
FuriosaResult<GenerationRequest> furiosa_completion_request(const boost::json::object& body, const TwinTokenizer& tokenizer,
                                                            const FuriosaLimits& limits);
// /v1/responses: "input" is a text or messages, "instructions" stand before them.
FuriosaResult<GenerationRequest> furiosa_response_request(const boost::json::object& body, const TwinTokenizer& tokenizer,
                                                          const FuriosaLimits& limits);

}  // namespace ondol
