// The messages of a chat request, parsed and checked, in the form that templates read.
//
// Owner: a pure function. Any thread. Bounded by RequestLimits, the JSON limits the body passed, and limits on the JSON inside arguments.
#pragma once

#include <boost/json/array.hpp>

#include "gateway/request_common.h"

namespace ondol {

// Of each message: role ("developer" is called "system" here: templates know no other name for it), content (one string; text parts are
// joined by a line break, as vLLM does), and where given name, reasoning_content (also read from "reasoning"), tool_call_id and tool_calls
// (arguments as an object). A tool's message must answer a call of the assistant's last message with calls.
ApiResult<boost::json::array> parse_messages(FieldReader& fields, const RequestLimits& limits);

}  // namespace ondol
