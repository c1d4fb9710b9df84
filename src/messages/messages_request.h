// The bodies of POST /v1/messages and /v1/messages/count_tokens, turned into those of a chat.
//
// Owner: value types; pure functions. Any thread. Bounded by the JSON limits that the body passed; the chat is at most a small multiple of
// it. The fields are those of Anthropic's API as its official SDK 1.13 types them. Errors name the field as it stands in the request.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "endpoint/api_error.h"

namespace ondol {

struct MessagesRequest {
  boost::json::object chat;  // for /v1/chat/completions, or /tokenize
  bool stream = false;
  std::vector<std::string> ignored;  // names of fields that had no effect ("thinking.budget_tokens"), each once
};

// max_tokens is required, as Anthropic has it. A stream's usage is always asked for. thinking turns into the chat template's
// enable_thinking (enabled and adaptive: true; disabled: false), output_config.effort into reasoning_effort (xhigh and max: high, the most
// that all engines know), output_config.format into response_format; a budget of thinking tokens has no equivalent and is ignored.
ApiResult<MessagesRequest> parse_messages_request(const boost::json::value& body);

// Without what does not change the prompt.
ApiResult<MessagesRequest> parse_count_tokens_request(const boost::json::value& body);

}  // namespace ondol
