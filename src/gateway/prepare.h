// From a parsed request to what an engine takes: the model's template, its tokenizer, its defaults.
//
// Owner: pure functions of (model, request). Any thread; not on an HTTP thread, a long prompt takes milliseconds. Bounded by the body's
// limits, the template's limits and the model's context.
#pragma once

#include <cstdint>

#include "gateway/answer_parser.h"
#include "gateway/api.h"
#include "gateway/api_error.h"
#include "gateway/chat_request.h"
#include "gateway/completion_request.h"

namespace ondol {

struct PreparedChat {
  GenerateRequest generate;
  AnswerSyntax syntax;  // what the answer may hold beside content; id_seed is left to the caller
};

// `now_unix_s` feeds templates that print the date. `random_seed` serves requests without a seed.
ApiResult<PreparedChat> prepare_chat(const ServedModel& served, const ChatRequest& request, int64_t now_unix_s, uint64_t random_seed);
ApiResult<GenerateRequest> prepare_completion(const ServedModel& served, const CompletionRequest& request, uint64_t random_seed);

}  // namespace ondol
