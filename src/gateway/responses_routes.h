// What a client may do with responses that are stored: read, list their input, cancel, delete.
//
// Owner: pure functions over the store. Any thread. Bounded by the store; a page has at most 100 items.
#pragma once

#include <string_view>

#include "endpoint/api_error.h"
#include "gateway/responses_store.h"
#include "net/http.h"

namespace ondol {

// Whether `path` is /v1/responses/{id} or below.
bool is_stored_response_path(std::string_view path);

// GET and DELETE /v1/responses/{id}, GET /v1/responses/{id}/input_items, POST /v1/responses/{id}/cancel; only for such a path.
// Errors: 404 (path, response), 405, 400 (query, cancelling what is over).
ApiResult<HttpResponse> stored_response(ResponsesStore& store, std::string_view owner, const HttpRequest& request);

}  // namespace ondol
