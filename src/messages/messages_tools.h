// tools and tool_choice of a Messages request, as a chat has them.
//
// A pure function; any thread. Bounded by the JSON limits that the body passed, and by kMaxMessagesTools.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "endpoint/field_reader.h"

namespace ondol {

constexpr size_t kMaxMessagesTools = 1024;  // chat completions may take fewer

// Sets tools, tool_choice and parallel_tool_calls of `chat` where the request has them. Tools that Anthropic runs, or that its models know
// without a schema, are refused by name. `ignored` gets names of fields without effect.
ApiResult<void> parse_messages_tools(FieldReader& fields, boost::json::object& chat, std::vector<std::string>& ignored);

}  // namespace ondol
