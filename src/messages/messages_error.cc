#include "messages/messages_error.h"

#include <boost/json.hpp>

#include "messages/answer_json.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int kOverloaded = 529;

}  // namespace

std::string_view messages_error_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 409: return "conflict_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503:
    case kOverloaded: return "overloaded_error";
    case 504: return "timeout_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
  }
}

int messages_status(int status) { return status == 503 ? kOverloaded : status; }

std::string messages_error_json(std::string_view type, std::string_view message, std::string_view request_id) {
  json::object body;
  body["type"] = "error";
  body["error"] = {{"type", type}, {"message", message}};
  body["request_id"] = request_id.empty() ? json::value(nullptr) : json::value(request_id);
  return json::serialize(body);
}

HttpResponse messages_error_response(const ApiError& error, std::string_view request_id) {
  HttpResponse response = error_response(error);
  response.status = messages_status(error.status);
  response.body = messages_error_json(messages_error_type(error.status), error.message, request_id);
  if (!request_id.empty()) response.headers.emplace_back("request-id", request_id);
  return response;
}

HttpResponse messages_error_from_chat(HttpResponse answer, std::string_view request_id) {
  std::string message = error_message_in(answer.body);
  if (message.empty()) message = "The engine answered with status " + std::to_string(answer.status) + " and no reason.";
  answer.body = messages_error_json(messages_error_type(answer.status), message, request_id);
  answer.status = messages_status(answer.status);
  answer.content_type = "application/json";
  return answer;
}

int status_in(const json::object& body) {
  const json::object* error = object_at(&body, "error");
  const int64_t code = count_at(error, "code");
  if (code >= 400 && code < 600) return static_cast<int>(code);
  const std::string_view type = text_at(error, "type");
  for (const int status : {400, 401, 403, 404, 429}) {
    if (type == messages_error_type(status)) return status;
  }
  return 500;
}

std::string error_message_in(std::string_view body) {
  const std::optional<json::value> value = parse_answer_json(body);
  const json::object* object = value ? value->if_object() : nullptr;
  if (const std::string_view text = text_at(object_at(object, "error"), "message"); !text.empty()) return std::string(text);
  for (const char* name : {"error", "message", "detail"}) {
    if (const std::string_view text = text_at(object, name); !text.empty()) return std::string(text);
  }
  return {};
}

}  // namespace ondol
