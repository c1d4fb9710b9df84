// system and messages of a Messages request, as the messages of a chat.
//
// A pure function; any thread. Bounded by the JSON limits that the body passed, and by kMaxTurns.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "endpoint/field_reader.h"

namespace ondol {

constexpr size_t kMaxTurns = 10'000;  // as chat completions

// Turns of one role behind each other become one. A user's tool results become messages of the role tool in front of the rest of that
// turn; a failed one begins with "Error: ". Chats have no images in the results of tools: each stands there as "[image]" and comes itself
// in the user's message behind them. Text alone becomes a string, its blocks joined by a line break; thinking becomes reasoning_content,
// redacted thinking is dropped. What a chat cannot say (PDF, files, citations' sources, blocks of Anthropic's own tools, an answer to be
// continued) is refused by name.
ApiResult<boost::json::array> parse_turns(FieldReader& fields, std::vector<std::string>& ignored);

}  // namespace ondol
