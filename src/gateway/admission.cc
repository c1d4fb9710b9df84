#include "gateway/admission.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "messages/messages_error.h"

namespace ondol {
namespace {

constexpr const char* kHowToSend = "send it as the header \"Authorization: Bearer sk-ondol-...\" (api_key in OpenAI's clients)";

bool same_ignoring_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), same);
}

// The key that a request shows; empty if none.
std::string_view presented_key(const HttpRequest& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view authorization = find_header(request.headers, "authorization");
  if (!same_ignoring_case(authorization.substr(0, kBearer.size()), kBearer)) return find_header(request.headers, "x-api-key");
  const std::string_view key = authorization.substr(kBearer.size());
  return key.substr(std::min(key.find_first_not_of(' '), key.size()));
}

}  // namespace

std::optional<ApiError> Admission::refusal(const HttpRequest& request, int64_t now_unix_s) const {
  if (request.path == "/health" || request.path == "/ready") return std::nullopt;
  if (request.loopback && (!options_.require_key || request.path == "/metrics")) return std::nullopt;
  if (options_.keys == nullptr) {
    if (options_.allow_anonymous || request.loopback) return std::nullopt;
    return unauthenticated(
        "This server takes requests from its own machine only, as it has no API keys yet. Whoever runs it: make one with "
        "`ondol key create` and start the server with --api-keys FILE, or with --allow-anonymous to let anyone in.",
        "api_keys_not_configured");
  }
  const std::string_view key = presented_key(request);
  if (key.empty()) return unauthenticated(std::string("An API key is needed: ") + kHowToSend + ".", "missing_api_key");
  if (options_.keys->find(key, now_unix_s)) return std::nullopt;
  return unauthenticated("The API key is not valid: it is mistyped, expired or revoked. Ask whoever runs this server for another.",
                         "invalid_api_key");
}

std::string Admission::owner(const HttpRequest& request) const {
  if (options_.keys == nullptr) return {};
  const std::optional<ApiKeyRecord> record = options_.keys->find(presented_key(request), static_cast<int64_t>(std::time(nullptr)));
  return record ? record->id : std::string();
}

std::optional<HttpResponse> Admission::answer_to_head(const HttpRequest& head, const std::string& request_id) const {
  std::optional<HttpResponse> answer = options_.cors.preflight(head);  // browsers send no key with it
  if (!answer) {
    const std::optional<ApiError> error = refusal(head, static_cast<int64_t>(std::time(nullptr)));
    if (!error) return std::nullopt;
    answer = head.path.starts_with("/v1/messages") ? messages_error_response(*error, request_id) : error_response(*error);
    answer_headers(head).add_to(answer->headers);
  }
  answer->headers.emplace_back("x-request-id", request_id);
  return answer;
}

std::shared_ptr<Exchange> Admission::admit(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) const {
  if (std::optional<HttpResponse> answer = answer_to_head(exchange->request(), request_id)) {
    exchange->respond(std::move(*answer));
    return nullptr;
  }
  return std::make_shared<AdmittedExchange>(exchange, answer_headers(exchange->request()));
}

AnswerHeaders Admission::answer_headers(const HttpRequest& request) const {
  return {options_.cors.headers(request), request.path.starts_with("/v1/")};
}

}  // namespace ondol
