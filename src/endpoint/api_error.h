// Errors as an OpenAI client expects them: {"error": {"message", "type", "param", "code"}} with the status that its exceptions map to.
//
// Owner: value types. Any thread. Bounded: messages quote at most a few dozen bytes of what came from outside.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace ondol {

struct ApiError {
  int status = 500;
  std::string message;
  std::string type = "server_error";
  std::string param;      // the field that is wrong; empty = null
  std::string code;       // empty = null
  int retry_after_s = 0;  // > 0 adds the Retry-After header
  std::string allow;      // methods, for 405
};

template <class T>
using ApiResult = std::expected<T, ApiError>;

// 400 invalid_request_error about one field.
std::unexpected<ApiError> invalid_request(std::string param, std::string message, std::string code = "");
// 400 for something that OpenAI's API knows and this server does not do.
std::unexpected<ApiError> unsupported(std::string param, std::string message);

ApiError not_found(std::string message, std::string param, std::string code);
ApiError method_not_allowed(std::string_view method, std::string_view path, std::string allow);
ApiError unsupported_media_type(std::string_view content_type);
ApiError not_ready();
// 401 with WWW-Authenticate.
ApiError unauthenticated(std::string message, std::string code);
ApiError forbidden_origin(std::string_view origin);
// 429 with Retry-After: too much work is queued already.
ApiError overloaded(std::string message);

// An error of a lower room: http_status(code) and the type that belongs to that status.
ApiError to_api_error(const Error& error);

// {"error": {...}}: also the data of an SSE event when a stream fails.
std::string error_json(const ApiError& error);
HttpResponse error_response(const ApiError& error);

}  // namespace ondol
