// The body of POST /v1/responses, checked and turned into the body of a chat completion: one parser and one way to the engine serve both.
//
// Owner: value types; a function of (body, what the store holds). Any thread. Bounded by RequestLimits and by the limits the body passed.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/ids.h"
#include "gateway/request_common.h"
#include "gateway/responses_items.h"
#include "gateway/responses_store.h"

namespace ondol {

struct ResponsesRequest {
  // For parse_chat_request. Sampling parameters that only this server knows (top_k, seed, chat_template_kwargs...) pass through.
  boost::json::object chat;
  // What the response object repeats of the request, with defaults filled in.
  boost::json::object echo;
  // The whole conversation, without the instructions: that of the previous response, then the new input; references are resolved.
  std::vector<ConversationItem> items;
  bool store = true;
  std::vector<std::string> ignored;  // as CommonRequest::ignored
};

// `owner`: whose earlier responses and items the request may name. Refused by name: background, conversation, prompt.
ApiResult<ResponsesRequest> parse_responses_request(const boost::json::value& body, ResponsesStore& store, std::string_view owner,
                                                    IdSource& ids, const RequestLimits& limits = {});

// An error of parse_chat_request or prepare_chat about a field of the chat body, under the name that the field has here.
ApiError responses_error(ApiError error);

}  // namespace ondol
