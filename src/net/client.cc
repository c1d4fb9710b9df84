#include "net/client.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "net/client_socket.h"
#include "net/http_parser.h"
#include "net/http_text.h"
#include "net/proxy.h"
#include "net/url.h"

namespace ondol {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxHeadBytes = 256 << 10;
constexpr int kMaxInterimAnswers = 16;

// One request as it goes out; redirects change it.
struct Hop {
  Url url;
  std::string method;
  std::string body;
  HttpHeaders headers;
};

bool breaks_a_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; }

Status check_request(const ClientRequest& request) {
  const bool method_ok = !request.method.empty() && std::ranges::all_of(request.method, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!method_ok) return fail(Code::kInvalidArgument, "the method " + quoted(request.method) + " is not upper-case letters");
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || name.find_first_of(": \t") != std::string::npos || breaks_a_line(name) || breaks_a_line(value)) {
      return fail(Code::kInvalidArgument, "the header " + quoted(name) + " has a line break, or a name that is none");
    }
  }
  return {};
}

std::string request_text(const Hop& hop, const std::optional<Url>& proxy) {
  const bool absolute = proxy && !hop.url.tls;
  std::string out = hop.method + " " + (absolute ? hop.url.text() : hop.url.target) + " HTTP/1.1\r\nHost: " + hop.url.authority() + "\r\n";
  const auto add = [&](std::string_view name, std::string_view value) { out.append(name).append(": ").append(value).append("\r\n"); };
  const auto add_default = [&](std::string_view name, std::string_view value) {
    if (find_header(hop.headers, name).empty()) add(name, value);
  };
  add("Connection", "close");
  add_default("User-Agent", "ondol");
  add_default("Accept", "*/*");
  add_default("Accept-Encoding", "identity");
  if (!hop.url.user_info.empty()) add_default("Authorization", basic_credentials(hop.url.user_info));
  if (absolute && !proxy->user_info.empty()) add("Proxy-Authorization", basic_credentials(proxy->user_info));
  const bool may_have_body = hop.method != "GET" && hop.method != "HEAD";
  if (may_have_body || !hop.body.empty()) add("Content-Length", std::to_string(hop.body.size()));
  for (const auto& [name, value] : hop.headers) {
    const bool own = equals_ignoring_case(name, "host") || equals_ignoring_case(name, "connection") ||
                     equals_ignoring_case(name, "content-length") || equals_ignoring_case(name, "transfer-encoding");
    if (!own) add(name, value);
  }
  return out + "\r\n";
}

// Feeds `parser` from `socket` until `enough(parser)`. `unparsed` holds what came beyond.
template <class Enough>
Status read_into(ResponseParser& parser, ClientSocket& socket, std::string& unparsed, Enough enough,
                 const std::function<Deadline()>& deadline) {
  std::vector<char> buffer;
  while (true) {
    ONDOL_TRY(const size_t taken, parser.feed(unparsed));
    unparsed.erase(0, taken);
    if (enough()) return {};
    if (unparsed.size() > kMaxHeadBytes)
      return fail(Code::kDataLoss, "the answer's headers are larger than " + std::to_string(kMaxHeadBytes) + " bytes");
    buffer.resize(kReadBytes);
    ONDOL_TRY(const size_t received, socket.read(buffer.data(), buffer.size(), deadline()));
    if (received == 0) return parser.finish();
    unparsed.append(buffer.data(), received);
  }
}

// Asks the proxy for a tunnel (RFC 9110 section 9.3.6).
Status open_tunnel(ClientSocket& socket, const Url& proxy, const Url& target, const ClientRequest& request, Deadline deadline) {
  const std::string host = target.host.find(':') == std::string::npos ? target.host : "[" + target.host + "]";
  const std::string to = host + ":" + std::to_string(target.port);
  std::string text = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\nUser-Agent: ondol\r\n";
  if (!proxy.user_info.empty()) text += "Proxy-Authorization: " + basic_credentials(proxy.user_info) + "\r\n";
  ONDOL_TRY_STATUS(socket.write(text + "\r\n", request.idle_timeout_s));
  ResponseParser parser({.max_header_bytes = kMaxHeadBytes}, true, [](std::string_view) { return Status(); });
  std::string unparsed;
  ONDOL_TRY_STATUS(read_into(parser, socket, unparsed, [&] { return parser.header_done(); }, [&] { return deadline; }));
  if (parser.status() / 100 == 2 && unparsed.empty()) return {};
  return fail(Code::kUnavailable,
              "the proxy " + proxy.authority() + " refused a tunnel to " + to + " with status " + std::to_string(parser.status()));
}

Status open(ClientSocket& socket, const Hop& hop, const std::optional<Url>& proxy, const ClientRequest& request) {
  const Deadline deadline = seconds_from_now(request.connect_timeout_s);
  const Url& first = proxy ? *proxy : hop.url;
  ONDOL_TRY_STATUS(socket.connect(first.host, first.port, deadline));
  if (!hop.url.tls) return {};
  if (proxy) ONDOL_TRY_STATUS(open_tunnel(socket, *proxy, hop.url, request, deadline));
  return socket.start_tls(hop.url.host, deadline);
}

// Collects or hands on one answer's body.
class BodySink {
 public:
  BodySink(const ClientRequest& request, const BodyCallback& on_data) : request_(request), on_data_(on_data) {}

  Status take(std::string_view bytes, int status, int64_t total) {
    if (on_data_ && status / 100 == 2) {
      if (!on_data_(bytes, total)) return fail(Code::kCancelled, "the transfer of " + quoted(request_.url, 200) + " was stopped");
      return {};
    }
    if (body.size() + bytes.size() > request_.max_body_bytes) {
      return fail(Code::kResourceExhausted, "the answer is larger than " + std::to_string(request_.max_body_bytes) + " bytes");
    }
    body += bytes;
    return {};
  }

  std::string body;

 private:
  const ClientRequest& request_;
  const BodyCallback& on_data_;
};

Result<HttpResponse> exchange(const Hop& hop, const ClientRequest& request, const BodyCallback& on_data) {
  ONDOL_TRY(const std::optional<Url> proxy, choose_proxy(hop.url, [](const char* name) { return std::getenv(name); }));
  ClientSocket socket(request.stop);
  ONDOL_TRY_STATUS(open(socket, hop, proxy, request));
  // A server that refuses a body closes early: its answer, if there is one, says more than the broken pipe.
  const Status sent = socket.write(request_text(hop, proxy) + hop.body, request.idle_timeout_s);
  if (!sent && sent.error().code != Code::kDataLoss) return std::unexpected(sent.error());

  BodySink sink(request, on_data);
  std::string unparsed;
  for (int interim = 0; interim <= kMaxInterimAnswers; ++interim) {
    std::optional<ResponseParser> parser;
    const auto take = [&](std::string_view bytes) {
      const auto total = parser->content_length();
      return sink.take(bytes, parser->status(), total && *total <= INT64_MAX ? static_cast<int64_t>(*total) : -1);
    };
    parser.emplace(ParserLimits{.max_header_bytes = kMaxHeadBytes}, hop.method == "HEAD", take);
    const Status read =
        read_into(*parser, socket, unparsed, [&] { return parser->done(); }, [&] { return seconds_from_now(request.idle_timeout_s); });
    if (!read) return std::unexpected(!sent && !parser->header_done() ? sent.error() : read.error());
    if (parser->status() / 100 == 1 && parser->status() != 101) continue;
    HttpResponse response;
    response.status = parser->status();
    response.headers = parser->headers();
    response.content_type = find_header(response.headers, "content-type");
    response.body = std::move(sink.body);
    return response;
  }
  return fail(Code::kDataLoss, "more than " + std::to_string(kMaxInterimAnswers) + " interim answers");
}

bool is_redirect(const HttpResponse& response) {
  const int status = response.status;
  return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
         !find_header(response.headers, "location").empty();
}

// RFC 9110 section 15.4: what changes when a redirect is followed.
Result<Hop> follow(Hop hop, const HttpResponse& response) {
  ONDOL_TRY(Url to, resolve_url(hop.url, find_header(response.headers, "location")));
  if (hop.url.tls && !to.tls)
    return fail(Code::kUnavailable, hop.url.text() + " leads on to " + quoted(to.text(), 200) + ", which is not encrypted: not followed");
  const bool same_place = to.host == hop.url.host && to.port == hop.url.port && to.tls == hop.url.tls;
  if (same_place && to.user_info.empty()) to.user_info = hop.url.user_info;
  const bool becomes_get = response.status == 303 ? hop.method != "HEAD" : response.status <= 302 && hop.method == "POST";
  if (becomes_get) {
    hop.method = "GET";
    hop.body.clear();
  }
  std::erase_if(hop.headers, [&](const auto& header) {
    const auto is = [&](std::string_view name) { return equals_ignoring_case(header.first, name); };
    const bool secret = is("authorization") || is("cookie") || is("proxy-authorization") || is("x-api-key") || is("api-key");
    return (secret && !same_place) || (becomes_get && is("content-type"));
  });
  hop.url = std::move(to);
  return hop;
}

}  // namespace

Result<HttpResponse> http_fetch(const ClientRequest& request, const BodyCallback& on_data) {
  ONDOL_TRY_STATUS(check_request(request));
  ONDOL_TRY(Url url, parse_url(request.url));
  Hop hop{std::move(url), request.method, request.body, request.headers};
  for (int redirects = 0;; ++redirects) {
    ONDOL_TRY(HttpResponse response, exchange(hop, request, on_data));
    if (!is_redirect(response)) return response;
    if (redirects >= request.max_redirects) {
      return fail(Code::kUnavailable, quoted(request.url, 200) + " leads on more than " + std::to_string(request.max_redirects) + " times");
    }
    ONDOL_TRY(hop, follow(std::move(hop), response));
  }
}

}  // namespace ondol
