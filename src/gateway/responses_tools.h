// Tools and output format of a Responses API request: the flat form that it has there, to the nested one of /v1/chat/completions.
//
// Owner: pure functions. Any thread. Bounded by kMaxResponsesTools and the limits that the body passed.
#pragma once

#include <boost/json/object.hpp>

#include "endpoint/field_reader.h"

namespace ondol {

inline constexpr size_t kMaxResponsesTools = 128;

// tools, tool_choice and parallel_tool_calls: into `chat` as a chat completion says them, into `echo` as the response repeats them.
// Tools that OpenAI runs itself (web_search, file_search...) are refused by name. Whatever tool_choice allows, the
// model reads all tools: prompts of one conversation keep their beginning, which is in the prefix cache.
ApiResult<void> parse_responses_tools(FieldReader& fields, boost::json::object& chat, boost::json::object& echo);

// text.format to response_format; text.verbosity, which has no effect, goes into `echo` only.
ApiResult<void> parse_responses_text(FieldReader& fields, boost::json::object& chat, boost::json::object& echo);

}  // namespace ondol
