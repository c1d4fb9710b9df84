// The items of a conversation in OpenAI's Responses API (messages, function calls, their outputs, reasoning): read from a request, and
// turned into the messages of /v1/chat/completions.
//
// Owner: value types; pure functions, but for the names that an IdSource gives. Any thread. Bounded by the limits that the body passed.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/api_error.h"
#include "gateway/ids.h"

namespace ondol {

// As it is stored, returned and shared between the responses of one conversation: with id, type and status, content as parts.
using ConversationItem = std::shared_ptr<const boost::json::object>;

// The id that an item_reference names, or null if `value` is an item of its own.
const boost::json::string* referenced_item(const boost::json::value& value);

// One item of `input`; `path` ("input[3]") stands in errors. Items without an id get one. Images and files are refused.
ApiResult<boost::json::object> parse_item(const boost::json::value& value, const std::string& path, IdSource& ids);

// What `input` means when it is a string.
boost::json::object user_message(std::string_view text, IdSource& ids);

// Reasoning, text and calls of one turn become one assistant message; system messages that follow each other become one, `instructions`
// (may be empty) first. Errors, as OpenAI's: an output without its call, a call without an output.
ApiResult<boost::json::array> chat_messages(std::string_view instructions, const std::vector<ConversationItem>& items);

}  // namespace ondol
