// From a parsed request to what an engine takes: the model's template, its tokenizer, its defaults.
//
// Owner: pure functions of (model, request). Any thread; not on an HTTP thread, a long prompt takes milliseconds. Bounded by the body's
// limits, the template's limits and the model's context.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "endpoint/api_error.h"
#include "gateway/answer_parser.h"
#include "gateway/chat_request.h"
#include "gateway/completion_request.h"
#include "gateway/served_model.h"
#include "model/tokenizer.h"

namespace ondol {

struct PreparedChat {
  GenerateRequest generate;
  AnswerSyntax syntax;  // what the answer may hold beside content; id_seed is left to the caller
};

// The tokens of a chat through the model's template. `names`: of its control tokens (control_text.h); they keep no meaning in messages.
struct ChatPrompt {
  std::string text;
  std::vector<int32_t> tokens;
};
ApiResult<ChatPrompt> chat_prompt(const ServedModel& served, const ChatRequest& request, std::span<const std::string> names,
                                  int64_t now_unix_s);

// `now_unix_s` feeds templates that print the date. `random_seed` serves requests without a seed.
ApiResult<PreparedChat> prepare_chat(const ServedModel& served, const ChatRequest& request, std::span<const std::string> names,
                                     int64_t now_unix_s, uint64_t random_seed);
ApiResult<GenerateRequest> prepare_completion(const ServedModel& served, const CompletionRequest& request, uint64_t random_seed);

// For all that turns a request's text into tokens.
ApiResult<const Tokenizer*> tokenizer_of(const ServedModel& served);
ApiResult<std::vector<int32_t>> encode_text(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options,
                                            const char* field);

}  // namespace ondol
