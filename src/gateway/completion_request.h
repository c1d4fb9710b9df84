// The body of POST /v1/completions, parsed and checked.
//
// Owner: value types; a pure function. Any thread. Bounded by RequestLimits and by the JSON limits the body passed.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "gateway/request_common.h"

namespace ondol {

// Text, or token ids that are taken as they are.
struct CompletionPrompt {
  bool is_text = true;
  std::string text;
  std::vector<int32_t> ids;  // not negative; not yet checked against a vocabulary
};

struct CompletionRequest {
  CommonRequest common;  // max_tokens is set: 16 where the request has none, OpenAI's default for this endpoint; 0 = no answer
  CompletionPrompt prompt;
  bool echo = false;  // the answer begins with the prompt, with log-probabilities if these are wanted
};

ApiResult<CompletionRequest> parse_completion_request(const boost::json::value& body, const RequestLimits& limits = {});

}  // namespace ondol
