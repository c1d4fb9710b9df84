// The question that a chat model is asked about a query and a document, and the tokens that its answer would begin with.
//
// The words are those that Qwen3-Reranker was trained with (its model card, 2025): the score is how likely "yes" is against "no". They go
// through the model's own chat template, with thinking turned off where the template knows it, so other chat models can be asked too.
//
// Owner: pure functions. Any thread, but not an HTTP thread: a request has up to 2048 prompts. Bounded by kMaxRerankTokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "endpoint/api_error.h"
#include "gateway/rerank_request.h"
#include "gateway/served_model.h"

namespace ondol {

inline constexpr size_t kMaxRerankTokens = 1'000'000;  // of all prompts of a request

struct RerankPrompts {
  std::vector<std::vector<int32_t>> prompts;  // by document
  size_t tokens = 0;                          // of all of them
  int32_t yes = 0, no = 0;
};

// `names`, `now_unix_s`: as chat_prompt's. With truncate_prompt_tokens query and documents are cut to so many tokens, with -1 documents to
// what the context leaves them. Errors: 400 (a document does not fit, said with both numbers; too many tokens in all; a template that does
// not take the question).
ApiResult<RerankPrompts> rerank_prompts(const ServedModel& served, const RerankRequest& request, std::span<const std::string> names,
                                        int64_t now_unix_s);

}  // namespace ondol
