#include "net/proxy.h"

#include <algorithm>
#include <cstdint>

namespace ondol {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view first_set(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const char* value = environment(name); value != nullptr && *value != '\0') return value;
  return {};
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

bool is_excepted(const Url& target, std::string_view list) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string entry = lower(trimmed(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (entry == "*") return true;
    if (const size_t colon = entry.rfind(':'); colon != std::string::npos && entry.find(':') == colon) {
      if (entry.substr(colon + 1) != std::to_string(target.port)) continue;
      entry.resize(colon);
    }
    if (entry.starts_with('.')) entry.erase(0, 1);
    if (!entry.empty() && (target.host == entry || target.host.ends_with("." + entry))) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<Url>> choose_proxy(const Url& target, const Environment& environment) {
  std::string_view value = target.tls ? first_set(environment, {"https_proxy", "HTTPS_PROXY"}) : first_set(environment, {"http_proxy"});
  if (value.empty()) value = first_set(environment, {"all_proxy", "ALL_PROXY"});
  if (value.empty() || is_loopback(target.host)) return std::nullopt;
  if (is_excepted(target, first_set(environment, {"no_proxy", "NO_PROXY"}))) return std::nullopt;
  const bool has_scheme = value.find("://") != std::string_view::npos;
  auto proxy = parse_url(has_scheme ? std::string(value) : "http://" + std::string(value));
  if (!proxy) return fail(proxy.error(), "reading the proxy from the environment");
  if (proxy->tls)
    return fail(Code::kInvalidArgument, "the proxy " + quoted(proxy->text()) + " is an https:// one; only http:// proxies are used");
  return *std::move(proxy);
}

std::string basic_credentials(std::string_view user_info) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "Basic ";
  for (size_t i = 0; i < user_info.size(); i += 3) {
    const std::string_view group = user_info.substr(i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = (bits << 8) | (k < group.size() ? static_cast<uint8_t>(group[k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= group.size() ? kDigits[(bits >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

}  // namespace ondol
