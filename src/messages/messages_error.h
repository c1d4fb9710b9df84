// Errors as an Anthropic client expects them: {"type": "error", "error": {"type", "message"}, "request_id"}.
//
// Pure functions; any thread. Bounded by what they are given; of an engine's answer that is no error object nothing is passed on.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "endpoint/api_error.h"

namespace ondol {

// 400 invalid_request_error, 401 authentication_error, 402 billing_error, 403 permission_error, 404 not_found_error, 409 conflict_error,
// 413 request_too_large, 429 rate_limit_error, 504 timeout_error, 503 and 529 overloaded_error; other statuses invalid_request_error
// below 500, api_error from there.
std::string_view messages_error_type(int status);

// 503 is 529 there ("overloaded"); all others stay.
int messages_status(int status);

// The body; also the data of an "error" event. `request_id` may be empty: null.
std::string messages_error_json(std::string_view type, std::string_view message, std::string_view request_id);

// With the headers of error_response, and request-id, which Anthropic's clients read.
HttpResponse messages_error_response(const ApiError& error, std::string_view request_id);

// An answer with a status of 400 or more, from whatever answers chats: its message in Anthropic's form. Headers and request-id as they are.
HttpResponse messages_error_from_chat(HttpResponse answer, std::string_view request_id);

// The status that an error inside a stream would have had as an answer: its "code" where that is one (vLLM), else by its "type"; else 500.
int status_in(const boost::json::object& body);

// The message of {"error": {"message"}}, {"error": "..."}, {"message"} or {"detail"}; empty if there is none.
std::string error_message_in(std::string_view body);

}  // namespace ondol
