// The body of POST /v1/chat/completions, parsed and checked.
//
// Owner: value types; a pure function. Any thread. Bounded by RequestLimits and by the JSON limits the body passed.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "gateway/request_common.h"
#include "gateway/tool_request.h"

namespace ondol {

struct ChatRequest {
  CommonRequest common;
  boost::json::array messages;  // see parse_messages
  ToolRequest tools;
  std::string prediction;  // text that the answer is expected to repeat; empty = none
  // chat_template_kwargs; enable_thinking where it stands at the top; reasoning_effort, and the enable_thinking that follows from it
  // where the request does not say it itself.
  boost::json::object template_arguments;
};

ApiResult<ChatRequest> parse_chat_request(const boost::json::value& body, const RequestLimits& limits = {});

}  // namespace ondol
