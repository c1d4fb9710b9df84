#include "gateway/cors.h"

#include <algorithm>
#include <utility>

#include "endpoint/api_error.h"

namespace ondol {
namespace {

constexpr const char* kMethods = "GET, POST, DELETE";
// For a page that does not ask by name; pages see no other header than these (and the safe ones) of an answer.
constexpr const char* kRequestHeaders = "authorization, content-type, x-api-key, x-request-id";
constexpr const char* kExposed = "x-request-id, retry-after, openai-processing-ms, openai-version, x-ondol-ignored";
constexpr const char* kMaxAge = "7200";  // seconds; what Chromium accepts at most
constexpr size_t kMaxEchoed = 2048;

// "https://host" or "http://host:port": what a browser sends, in lower case and without a path.
bool fit_origin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos || scheme == 0 || origin.size() > 512) return false;
  const auto fit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' || c == ']' || c == '_' ||
           c == '+';
  };
  const std::string_view host = origin.substr(scheme + 3);
  return !host.empty() && std::ranges::all_of(origin.substr(0, scheme), fit) && std::ranges::all_of(host, fit);
}

// The names that a page asks for, if they are fit to stand in a header of the answer.
bool fit_header_names(std::string_view names) {
  const auto fit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ',' || c == ' ';
  };
  return !names.empty() && names.size() <= kMaxEchoed && std::ranges::all_of(names, fit);
}

}  // namespace

Result<CorsPolicy> CorsPolicy::create(std::vector<std::string> origins) {
  CorsPolicy out;
  if (origins.size() > kMaxOrigins) return fail(Code::kInvalidArgument, "at most 256 origins may be allowed; * allows every page");
  for (const std::string& origin : origins) {
    if (origin != "*" && !fit_origin(origin)) {
      return fail(
          Code::kInvalidArgument,
          quoted(origin) + " is no origin; write https://host or http://host:port in lower case without a path, or * for every page");
    }
    out.any_ |= origin == "*";
  }
  out.origins_ = std::move(origins);
  return out;
}

bool CorsPolicy::allows(std::string_view origin) const { return any_ || std::ranges::find(origins_, origin) != origins_.end(); }

void CorsPolicy::add_origin(const HttpRequest& request, HttpHeaders& headers) const {
  const std::string_view origin = find_header(request.headers, "origin");
  if (any_) {
    headers.emplace_back("Access-Control-Allow-Origin", "*");
  } else if (!origin.empty() && allows(origin)) {
    headers.emplace_back("Access-Control-Allow-Origin", origin);
  }
}

std::optional<HttpResponse> CorsPolicy::preflight(const HttpRequest& request) const {
  const std::string_view origin = find_header(request.headers, "origin");
  const bool asked =
      request.method == "OPTIONS" && !origin.empty() && !find_header(request.headers, "access-control-request-method").empty();
  if (!asked || origins_.empty()) return std::nullopt;
  if (!allows(origin)) {
    HttpResponse refused = error_response(forbidden_origin(origin));
    refused.headers.emplace_back("Vary", "Origin");
    return refused;
  }
  HttpResponse response;
  response.status = 204;
  add_origin(request, response.headers);
  const std::string_view wanted = find_header(request.headers, "access-control-request-headers");
  response.headers.emplace_back("Access-Control-Allow-Methods", kMethods);
  response.headers.emplace_back("Access-Control-Allow-Headers", fit_header_names(wanted) ? wanted : kRequestHeaders);
  response.headers.emplace_back("Access-Control-Max-Age", kMaxAge);
  response.headers.emplace_back("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  return response;
}

HttpHeaders CorsPolicy::headers(const HttpRequest& request) const {
  HttpHeaders out;
  if (origins_.empty()) return out;
  add_origin(request, out);
  if (!out.empty()) out.emplace_back("Access-Control-Expose-Headers", kExposed);
  if (!any_) out.emplace_back("Vary", "Origin");  // also without an Origin: a cache must not give that answer to a page
  return out;
}

}  // namespace ondol
