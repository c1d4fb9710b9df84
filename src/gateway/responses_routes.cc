#include "gateway/responses_routes.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "net/url.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "/v1/responses/";
constexpr size_t kMaxPage = 100;

HttpResponse json_response(const json::value& body) {
  HttpResponse response;
  response.body = json::serialize(body);
  return response;
}

ApiResult<void> read_limit(std::string_view text, size_t& limit) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error == std::errc() && end == text.data() + text.size() && limit >= 1 && limit <= kMaxPage) return {};
  return invalid_request("limit", "limit must be an integer from 1 to 100, not " + quoted(text, 40) + ".", "invalid_type");
}

// limit=2&order=asc&after=msg_1; other names have no effect here.
ApiResult<ResponsesStore::Page> parse_page(std::string_view query) {
  ResponsesStore::Page page;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals);
    const Result<std::string> value = percent_decode(pair.substr(equals + 1));
    if (!value) return invalid_request("", "The query is not valid: " + value.error().message);
    if (name == "limit") ONDOL_TRY_STATUS(read_limit(*value, page.limit));
    if (name == "after") page.after = *value;
    if (name == "order") {
      if (*value != "asc" && *value != "desc")
        return invalid_request("order", "order must be asc or desc, not " + quoted(*value, 40) + ".");
      page.ascending = *value == "asc";
    }
  }
  return page;
}

bool asks_for_stream(std::string_view query) {
  return query == "stream=true" || query.starts_with("stream=true&") || query.find("&stream=true") != std::string_view::npos;
}

std::unexpected<ApiError> wrong_method(const HttpRequest& request, std::string allow) {
  return std::unexpected(method_not_allowed(request.method, request.path, std::move(allow)));
}

}  // namespace

bool is_stored_response_path(std::string_view path) { return path.size() > kPrefix.size() && path.starts_with(kPrefix); }

ApiResult<HttpResponse> stored_response(ResponsesStore& store, std::string_view owner, const HttpRequest& request) {
  const std::string_view rest = std::string_view(request.path).substr(kPrefix.size());
  const size_t slash = rest.find('/');
  const std::string_view id = rest.substr(0, slash);
  const std::string_view action = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  if (action == "/input_items") {
    if (request.method != "GET") return wrong_method(request, "GET");
    ONDOL_TRY(const ResponsesStore::Page page, parse_page(request.query));
    ONDOL_TRY(json::object list, store.input_items(owner, id, page));
    return json_response(list);
  }
  if (action == "/cancel") {
    if (request.method != "POST") return wrong_method(request, "POST");
    ONDOL_TRY(json::object response, store.cancel(owner, id));
    return json_response(response);
  }
  if (!action.empty()) return std::unexpected(not_found("There is nothing at " + quoted(request.path) + ".", "", "unknown_url"));
  if (request.method == "DELETE") {
    ONDOL_TRY_STATUS(store.erase(owner, id));
    return json_response({{"id", id}, {"object", "response"}, {"deleted", true}});
  }
  if (request.method != "GET") return wrong_method(request, "GET, DELETE");
  if (asks_for_stream(request.query)) return unsupported("stream", "stream is not supported here: only background responses have it.");
  ONDOL_TRY(json::object response, store.response(owner, id));
  return json_response(response);
}

}  // namespace ondol
