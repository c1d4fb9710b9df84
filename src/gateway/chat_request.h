// The body of POST /v1/chat/completions, parsed and checked.
//
// Owner: value types; a pure function. Any thread. Bounded by RequestLimits and by the JSON limits the body passed.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "gateway/request_common.h"

namespace ondol {

struct ChatRequest {
  CommonRequest common;
  // As a template sees them: role, content (one string; text parts joined by a line break, as vLLM does), and where given name,
  // reasoning_content, tool_call_id and tool_calls (arguments as an object). The role "developer" is called "system" here: templates
  // know no other name for it.
  boost::json::array messages;
  // chat_template_kwargs, and enable_thinking where it stands at the top.
  boost::json::object template_arguments;
};

ApiResult<ChatRequest> parse_chat_request(const boost::json::value& body, const RequestLimits& limits = {});

}  // namespace ondol
