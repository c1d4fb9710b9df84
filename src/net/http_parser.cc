#include "net/http_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string>

#include "net/http_text.h"
#include "net/url.h"

namespace ondol {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string_view view(BeastView text) { return {text.data(), text.size()}; }

constexpr size_t kUsualHeaderFields = 8;

// A request line with "HTTP/2.0" or the like at its end: a version that HTTP knows of, just not one that is spoken here.
bool has_other_version(std::string_view line) {
  line = line.substr(0, line.find_first_of("\r\n"));
  const size_t target = line.find(' ');
  const size_t version = target == std::string_view::npos ? target : line.find(' ', target + 1);
  if (version == std::string_view::npos) return false;
  const std::string_view word = line.substr(version + 1);
  return word.size() <= 8 && word.starts_with("HTTP/") && word.size() > 5 && word[5] >= '0' && word[5] <= '9' && word != "HTTP/1.0" &&
         word != "HTTP/1.1";
}

Refusal refusal_of(const error_code& ec, std::string_view bytes, const ParserLimits& limits) {
  if (ec == http::error::header_limit) {
    return {
        431, "headers_too_large",
        "the request line and headers are larger than " + std::to_string(limits.max_header_bytes) + " bytes, send fewer or shorter ones"};
  }
  if (ec == http::error::body_limit) {
    return {413, "body_too_large",
            "the request body is larger than the " + std::to_string(limits.max_body_bytes) + " bytes that are taken"};
  }
  if (ec == http::error::bad_version && has_other_version(bytes)) {
    return {505, "http_version_not_supported", "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  }
  return {400, "malformed_request", "the request is not well-formed HTTP: " + ec.message()};
}

}  // namespace

struct RequestParser::Impl final : http::basic_parser<true> {
  Impl(const ParserLimits& limits, BodyBudget* bodies) : limits(limits), bodies(bodies) {
    if (bodies != nullptr) share = BodyBudget::Share(*bodies);
    eager(true);
    // Beast's own limit is on what is not yet a whole line; the sum is kept in `head_bytes`.
    header_limit(static_cast<uint32_t>(std::min<size_t>(limits.max_header_bytes, UINT32_MAX)));
    body_limit(limits.max_body_bytes);
  }

  void refuse(int status, std::string code, std::string message, error_code& ec) {
    refusal = {status, std::move(code), std::move(message)};
    ec = http::error::bad_value;
  }

  void count_head(size_t bytes, error_code& ec) {
    head_bytes += bytes;
    if (head_bytes > limits.max_header_bytes) ec = http::error::header_limit;
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int version, error_code& ec) override {
    request.method = view(method);
    request.headers.reserve(kUsualHeaderFields);
    http10 = version == 10;
    count_head(method.size() + target.size() + 12, ec);
    if (!ec) split_target(view(target), ec);
  }

  void split_target(std::string_view target, error_code& ec) {
    if (target.starts_with("http://") || target.starts_with("https://")) {  // absolute-form, RFC 9112 section 3.2.2
      const size_t path = target.find_first_of("/?", target.find("//") + 2);
      target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
    const size_t query = target.find('?');
    const std::string_view raw_path = target.substr(0, query);
    if (query != std::string_view::npos) request.query = target.substr(query + 1);
    auto path = percent_decode(raw_path.empty() ? std::string_view("/") : raw_path);
    if (!path) return refuse(400, "bad_path", path.error().message, ec);
    request.path = std::move(*path);
    if (!request.path.starts_with('/') && !(request.path == "*" && request.method == "OPTIONS")) {
      refuse(400, "bad_path", "the path " + quoted(request.path) + " does not start with '/'", ec);
    }
  }

  void on_field_impl(http::field field, BeastView name, BeastView value, error_code& ec) override {
    count_head(name.size() + value.size() + 4, ec);
    if (ec || in_trailer) return;  // trailers are read and dropped: nothing may be decided from them
    if (is_folded(name)) return refuse(400, "malformed_request", "a header is folded over two lines", ec);
    if (request.headers.size() >= kMaxHeaderFields) {
      return refuse(431, "headers_too_large", "there are more than " + std::to_string(kMaxHeaderFields) + " headers", ec);
    }
    if (field == http::field::transfer_encoding && !equals_ignoring_case(view(value), "chunked")) {
      return refuse(501, "unknown_transfer_encoding",
                    "the Transfer-Encoding " + quoted(view(value)) + " is not supported, only \"chunked\"", ec);
    }
    if (field == http::field::expect && !http10) {
      if (!equals_ignoring_case(view(value), "100-continue")) {
        return refuse(417, "expectation_failed", "the expectation " + quoted(view(value)) + " cannot be met", ec);
      }
      expects_continue = true;
    }
    if (field == http::field::host && ++hosts > 1) return refuse(400, "malformed_request", "there are two Host headers", ec);
    request.headers.emplace_back(view(name), view(value));
  }

  // Beast unfolds obs-fold; RFC 9112 section 5.2 lets a server refuse it. The whole line and one byte more are in the input by now.
  bool is_folded(BeastView name) const {
    const std::string_view rest = input.substr(static_cast<size_t>(name.data() - input.data()) + name.size());
    const size_t after = rest.find('\r') + 2;
    return after < rest.size() && (rest[after] == ' ' || rest[after] == '\t');
  }

  void on_header_impl(error_code& ec) override {
    if (!http10 && hosts == 0) return refuse(400, "malformed_request", "the Host header is missing", ec);
    // A chunked HTTP/1.0 request is read in two ways by two programs (RFC 9112 section 6.1).
    if (http10 && chunked()) return refuse(400, "malformed_request", "HTTP/1.0 has no Transfer-Encoding", ec);
    keep_alive = http::basic_parser<true>::keep_alive();
  }

  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(BeastView bytes, error_code& ec) override {
    if (!make_room(request.body.size() + bytes.size(), ec)) return 0;
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  // By doubling, but not beyond the length that a header claims or may claim.
  bool make_room(size_t needed, error_code& ec) {
    if (needed <= request.body.capacity()) return true;
    const auto claimed = content_length();
    const size_t most = claimed ? static_cast<size_t>(*claimed) : limits.max_body_bytes;
    const size_t capacity = std::max(needed, std::min(2 * request.body.capacity(), most));
    if (!share.grow_to(capacity)) {
      refuse(503, "too_many_body_bytes",
             "the requests that are being served hold " + std::to_string(bodies->bytes() - bodies->free()) + " of at most " +
                 std::to_string(bodies->bytes()) + " bytes in their bodies, and there is no room for this one now; try again later",
             ec);
      return false;
    }
    std::string larger;  // reserve() on the body itself may take twice its capacity
    larger.reserve(capacity);
    larger.append(request.body);
    request.body.swap(larger);
    return true;
  }
  void on_chunk_header_impl(uint64_t size, BeastView extensions, error_code& ec) override {
    in_trailer = size == 0;
    count_head(extensions.size(), ec);
  }
  size_t on_chunk_body_impl(uint64_t, BeastView bytes, error_code& ec) override { return on_body_impl(bytes, ec); }
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, BeastView, int, error_code&) override {}

  ParserLimits limits;
  BodyBudget* bodies;  // may be null
  BodyBudget::Share share;
  HttpRequest request;
  Refusal refusal;
  std::string_view input;
  size_t head_bytes = 0;
  int hosts = 0;
  bool http10 = false, keep_alive = false, expects_continue = false, in_trailer = false, refused = false;
};

RequestParser::RequestParser(const ParserLimits& limits, BodyBudget* bodies) : impl_(std::make_unique<Impl>(limits, bodies)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

size_t RequestParser::feed(std::string_view bytes) {
  Impl& impl = *impl_;
  if (impl.refused || impl.is_done() || bytes.empty()) return 0;
  impl.input = bytes;
  error_code ec;
  const size_t taken = impl.put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
  impl.refused = ec && ec != http::error::need_more;
  if (impl.refused && impl.refusal.code.empty()) impl.refusal = refusal_of(ec, bytes, impl.limits);
  return taken;
}

ParseState RequestParser::state() const {
  if (impl_->refused) return ParseState::kRefused;
  if (impl_->is_done()) return ParseState::kDone;
  return impl_->is_header_done() ? ParseState::kBody : ParseState::kHeader;
}

const Refusal& RequestParser::refusal() const { return impl_->refusal; }
HttpRequest& RequestParser::request() { return impl_->request; }
BodyBudget::Share RequestParser::take_body_share() { return std::move(impl_->share); }
bool RequestParser::keep_alive() const { return impl_->keep_alive; }
bool RequestParser::http10() const { return impl_->http10; }
size_t RequestParser::body_length() const {
  const auto claimed = impl_->content_length();
  return claimed ? static_cast<size_t>(*claimed) : SIZE_MAX;
}
bool RequestParser::expects_continue() const { return impl_->expects_continue; }

struct ResponseParser::Impl final : http::basic_parser<false> {
  Impl(const ParserLimits& limits, bool to_head_request, OnBody body) : limits(limits), on_body(std::move(body)) {
    eager(true);
    header_limit(static_cast<uint32_t>(std::min<size_t>(limits.max_header_bytes, UINT32_MAX)));
    body_limit(boost::none);
    skip(to_head_request);
  }

  void on_response_impl(int code, BeastView, int, error_code&) override { status = code; }
  void on_field_impl(http::field field, BeastView name, BeastView value, error_code& ec) override {
    head_bytes += name.size() + value.size() + 4;
    if (head_bytes > limits.max_header_bytes || headers.size() >= kMaxHeaderFields) {
      ec = http::error::header_limit;
    } else if (!in_trailer) {
      // Any other coding would be handed on as if it were the body, and two programs may see two ends of the message.
      if (field == http::field::transfer_encoding && !equals_ignoring_case(view(value), "chunked")) {
        ec = http::error::bad_transfer_encoding;
        return;
      }
      headers.emplace_back(view(name), view(value));
    }
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(BeastView bytes, error_code& ec) override {
    if (auto taken = on_body(view(bytes)); !taken) {
      failure = std::move(taken);
      ec = http::error::bad_value;
    }
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t size, BeastView, error_code&) override { in_trailer = size == 0; }
  size_t on_chunk_body_impl(uint64_t, BeastView bytes, error_code& ec) override { return on_body_impl(bytes, ec); }
  void on_finish_impl(error_code&) override {}
  void on_request_impl(http::verb, BeastView, BeastView, int, error_code&) override {}

  ParserLimits limits;
  OnBody on_body;
  Status failure;
  HttpHeaders headers;
  size_t head_bytes = 0;
  int status = 0;
  bool in_trailer = false;
};

ResponseParser::ResponseParser(const ParserLimits& limits, bool to_head_request, OnBody on_body)
    : impl_(std::make_unique<Impl>(limits, to_head_request, std::move(on_body))) {}
ResponseParser::~ResponseParser() = default;

Result<size_t> ResponseParser::feed(std::string_view bytes) {
  if (impl_->is_done() || bytes.empty()) return 0;
  error_code ec;
  const size_t taken = impl_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
  ONDOL_TRY_STATUS(impl_->failure);
  if (ec && ec != http::error::need_more) return fail(Code::kDataLoss, "the answer is not well-formed HTTP: " + ec.message());
  return taken;
}

Status ResponseParser::finish() {
  error_code ec = http::error::partial_message;
  if (impl_->got_some() && !impl_->is_done()) impl_->put_eof(ec);
  if (ec && !impl_->is_done()) return fail(Code::kDataLoss, "the connection closed in the middle of the answer");
  return {};
}

bool ResponseParser::header_done() const { return impl_->is_header_done(); }
bool ResponseParser::done() const { return impl_->is_done(); }
int ResponseParser::status() const { return impl_->status; }
const HttpHeaders& ResponseParser::headers() const { return impl_->headers; }
bool ResponseParser::keep_alive() const { return impl_->keep_alive(); }
std::optional<uint64_t> ResponseParser::content_length() const {
  const auto length = impl_->content_length();
  return length ? std::optional<uint64_t>(*length) : std::nullopt;
}

}  // namespace ondol
