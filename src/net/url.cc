#include "net/url.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace ondol {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<Error> bad_url(std::string_view text, std::string_view why) {
  return fail(Code::kInvalidArgument, "the URL " + quoted(text, 200) + " is not usable: " + std::string(why));
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() && std::ranges::equal(text.substr(0, lower_prefix.size()), lower_prefix, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
         });
}

// Splits "host", "host:80", "[::1]:80".
Status parse_host_port(std::string_view text, std::string_view whole, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return bad_url(whole, "the bracket of the IPv6 address is not closed");
    url.host = text.substr(1, end - 1);
    const bool address = std::ranges::all_of(url.host, [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; });
    if (!address || url.host.find(':') == std::string::npos) return bad_url(whole, "there is no IPv6 address in the brackets");
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return bad_url(whole, "only a port may follow the bracket");
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    url.host = text.substr(0, colon);
    port = text.substr(colon);
    const auto in_name = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
    };
    if (url.host.empty()) return bad_url(whole, "it has no host");
    if (!std::ranges::all_of(url.host, in_name)) return bad_url(whole, "the host has a character that no host name may have");
  }
  std::ranges::transform(url.host, url.host.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  url.port = url.tls ? 443 : 80;
  if (port.size() <= 1) return {};  // "host:" has the default port, too
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data() + 1, end, url.port);
  if (error != std::errc() || stop != end || url.port == 0) return bad_url(whole, "the port is not a number from 1 to 65535");
  return {};
}

std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;
  for (size_t at = 1; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    folder = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!folder) kept.push_back(segment);
    at = end + 1;
  }
  std::string out;
  for (const auto segment : kept) out.append("/").append(segment);
  return folder || out.empty() ? out + "/" : out;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(Code::kInvalidArgument, "bad percent escape in " + quoted(text, 200) + "; write %25 for a '%'");
    if (high == 0 && low == 0) return fail(Code::kInvalidArgument, "escaped NUL byte in " + quoted(text, 200));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

std::string Url::text() const { return (tls ? "https://" : "http://") + authority() + target; }

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return bad_url(text, "it is longer than " + std::to_string(kMaxUrlBytes) + " bytes");
  const auto unusable = [](char c) { return static_cast<uint8_t>(c) <= 0x20 || c == 0x7F; };
  if (std::ranges::any_of(text, unusable)) return bad_url(text, "it has a space or control byte; escape it with %");
  Url url;
  url.tls = starts_with_ignoring_case(text, "https://");
  if (!url.tls && !starts_with_ignoring_case(text, "http://")) return bad_url(text, "it must start with http:// or https://");
  std::string_view rest = text.substr(url.tls ? 8 : 7);
  rest = rest.substr(0, rest.find('#'));
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    ONDOL_TRY(url.user_info, percent_decode(authority.substr(0, at)));
    authority.remove_prefix(at + 1);
  }
  ONDOL_TRY_STATUS(parse_host_port(authority, text, url));
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

Result<Url> resolve_url(const Url& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  const size_t colon = location.find(':');
  if (colon != std::string_view::npos && location.find_first_of("/?") > colon) return parse_url(location);
  const std::string root = (base.tls ? "https://" : "http://") + base.authority();
  if (location.starts_with("//")) return parse_url((base.tls ? "https:" : "http:") + std::string(location));
  if (location.empty()) return parse_url(root + base.target);
  const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (location.starts_with('?')) return parse_url(root + std::string(base_path) + std::string(location));
  const size_t query = std::min(location.find('?'), location.size());
  std::string path(location.substr(0, query));
  if (!path.starts_with('/')) path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  return parse_url(root + without_dot_segments(path) + std::string(location.substr(query)));
}

}  // namespace ondol
