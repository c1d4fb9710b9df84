#include "endpoint/api_error.h"

#include <boost/json.hpp>

namespace ondol {
namespace {

// A queue of short requests moves on within a second; the official clients add their own growing delay on top.
constexpr int kRetryAfterS = 1;

std::string_view type_of(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    default: return status < 500 ? "invalid_request_error" : "server_error";
  }
}

ApiError make(int status, std::string message, std::string param = "", std::string code = "") {
  return {.status = status,
          .message = std::move(message),
          .type = std::string(type_of(status)),
          .param = std::move(param),
          .code = std::move(code),
          .retry_after_s = status == 429 || status == 503 ? kRetryAfterS : 0,
          .allow = {}};
}

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(boost::json::string(text));
}

}  // namespace

std::unexpected<ApiError> invalid_request(std::string param, std::string message, std::string code) {
  return std::unexpected(make(400, std::move(message), std::move(param), std::move(code)));
}

std::unexpected<ApiError> unsupported(std::string param, std::string message) {
  return invalid_request(std::move(param), std::move(message), "unsupported_parameter");
}

ApiError not_found(std::string message, std::string param, std::string code) {
  return make(404, std::move(message), std::move(param), std::move(code));
}

ApiError method_not_allowed(std::string_view method, std::string_view path, std::string allow) {
  ApiError error = make(405, quoted(path) + " does not take the method " + quoted(method) + "; use " + allow + ".");
  error.code = "method_not_allowed";
  error.allow = std::move(allow);
  return error;
}

ApiError unsupported_media_type(std::string_view content_type) {
  return make(415, "The content-type " + quoted(content_type) + " is not supported; send the body as application/json.", "",
              "unsupported_media_type");
}

ApiError not_ready() { return make(503, "The server is starting or draining; GET /ready tells when it takes requests.", "", "not_ready"); }

ApiError unauthenticated(std::string message, std::string code) { return make(401, std::move(message), "", std::move(code)); }

ApiError forbidden_origin(std::string_view origin) {
  return make(403, "Pages of " + quoted(origin) + " may not call this server; it is started with --cors-origin for those that may.", "",
              "origin_not_allowed");
}

ApiError overloaded(std::string message) { return make(429, std::move(message), "", "queue_full"); }

ApiError to_api_error(const Error& error) {
  std::string code;
  if (error.code == Code::kOutOfRange) code = "context_length_exceeded";
  if (error.code == Code::kResourceExhausted) code = "queue_full";
  // The request's own deadline: nothing is wrong with the server, and the client may ask again.
  if (error.code == Code::kDeadlineExceeded) return make(408, error.message, "", "deadline_exceeded");
  return make(http_status(error.code), error.message, "", std::move(code));
}

std::string error_json(const ApiError& error) {
  boost::json::object body;
  body["message"] = error.message;
  body["type"] = error.type;
  body["param"] = text_or_null(error.param);
  body["code"] = text_or_null(error.code);
  boost::json::object outer;
  outer["error"] = std::move(body);
  return boost::json::serialize(outer);
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response;
  response.status = error.status;
  response.body = error_json(error);
  if (error.retry_after_s > 0) response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  if (!error.allow.empty()) response.headers.emplace_back("Allow", error.allow);
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"ondol\"");
  return response;
}

}  // namespace ondol
