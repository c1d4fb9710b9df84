// The JSON of a response of OpenAI's Responses API: whole, or as its stream of events.
//
// Owner: one generation. One thread. Bounded: holds the answer so far. No I/O, but for the call of `on_finished`.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "gateway/response_format.h"

namespace ondol {

struct ResponsesMeta {
  std::string id;  // "resp_" and hexadecimal digits; the ids of the output items are made of them
  int64_t created_unix_s = 0;
  std::string model;
  SamplingParams sampling;              // as resolved: the response says which temperature... it was sampled with
  boost::json::object echo;             // ResponsesRequest::echo
  std::function<int64_t()> unix_now_s;  // for completed_at
};

// The response object before the first token: what the store begins with.
boost::json::object started_response(const ResponsesMeta& meta);

// Stream: opening, deltas, then closing or failed. Not streaming: whole, or failed (whose text is of no use then).
// `on_finished` (may be empty) gets the finished object once; as cancelled if the format goes away before the answer's end. The tokenizer
// outlives the format. Reasoning comes as items of type reasoning with its full text, calls as function_call.
std::unique_ptr<ResponseFormat> make_responses_format(ResponsesMeta meta, const Tokenizer& tokenizer,
                                                      std::function<void(boost::json::object response)> on_finished);

}  // namespace ondol
