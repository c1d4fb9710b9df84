// Tools for models whose chat template knows none: a system instruction, and calls and results as text.
//
// Owner: a pure function. Any thread. Bounded by the request's limits.
#pragma once

#include <boost/json/array.hpp>

namespace ondol {

// `messages` as parse_messages returns them, `tools` as ToolRequest::for_template; without tools no instruction is added. The calls of the
// assistant become text in the form that AnswerParser reads, and the tools' messages become the user's: such templates know neither.
boost::json::array with_tool_prompt(const boost::json::array& messages, const boost::json::array& tools);

}  // namespace ondol
