// A chat's answer as a Message, and the parts that its stream shares.
//
// Pure functions; any thread. Bounded by the answer.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "endpoint/api_error.h"

namespace ondol {

// The body of a chat completion (its first choice) as a Message with this id ("msg_..."): thinking, text, and tool_use with its input
// parsed. A call that was cut off by the limit of tokens is left out. 502 if it is no chat completion, or a call's arguments are no object.
ApiResult<boost::json::object> message_from_chat(const boost::json::value& answer, std::string_view id);

// {"count": n, ...} of /tokenize as {"input_tokens": n}. 502 if there is no count.
ApiResult<boost::json::object> token_count_from_tokenize(const boost::json::value& answer);

// 502: an engine answered with something else than was agreed.
ApiError bad_engine_answer(std::string message);

// As they stand in a Message, null where the chat says nothing.
struct StopFields {
  boost::json::value reason;    // end_turn, max_tokens, stop_sequence, tool_use, refusal
  boost::json::value sequence;  // which of the stop sequences, where the engine says it (choice.stop_reason of vLLM and furiosa-llm)
};
StopFields stop_fields(std::string_view finish_reason, std::string_view stop_sequence, bool calls_tools);

// Anthropic counts prompt tokens from the cache beside input_tokens, OpenAI within prompt_tokens. `usage` may be null: zeros. The object
// "ondol" is passed along.
boost::json::object messages_usage(const boost::json::object* usage);

// Without stop_reason: the message of message_start.
boost::json::object open_message(std::string_view id, std::string_view model, boost::json::array content, boost::json::object usage);

boost::json::object thinking_block(std::string_view text);
boost::json::object text_block(std::string_view text);
boost::json::object tool_use_block(std::string_view id, std::string_view name, boost::json::object input);
// The reasoning of a message or a delta, by either of its two names.
std::string_view reasoning_in(const boost::json::object* message);

}  // namespace ondol
