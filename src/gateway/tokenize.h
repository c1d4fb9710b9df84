// POST /tokenize and /detokenize, in vLLM's shape: what a prompt comes to in tokens, and back.
//
// Owner: pure functions of (model, body). Any thread; not on an HTTP thread, a long text takes milliseconds. Bounded by the body's limits.
#pragma once

#include <boost/json/value.hpp>
#include <span>
#include <string>

#include "endpoint/api_error.h"
#include "gateway/served_model.h"

namespace ondol {

// The field that both endpoints and every other one share; an error if it is missing or no string.
ApiResult<std::string> model_of(const boost::json::value& body);

// {"prompt": text} or {"messages": [...]} (through the model's chat template); add_special_tokens (true for a prompt, false for messages,
// whose template writes them), return_token_strs. `names`: as chat_prompt's. Gives count, max_model_len, tokens and token_strs.
ApiResult<boost::json::value> tokenize_body(const ServedModel& served, const boost::json::value& body, std::span<const std::string> names,
                                            int64_t now_unix_s);

// {"tokens": [...]} gives {"prompt": text}; control tokens by name, bytes that are no UTF-8 as U+FFFD.
ApiResult<boost::json::value> detokenize_body(const ServedModel& served, const boost::json::value& body);

}  // namespace ondol
