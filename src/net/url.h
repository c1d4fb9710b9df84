// URLs: percent-decoding and the parts of an http(s) URL (RFC 3986). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

// "%ea%B0" -> two bytes. kInvalidArgument on a '%' without two hexadecimal digits and on an escaped NUL. '+' stays.
Result<std::string> percent_decode(std::string_view text);

// Longest URL that is taken; more than any that a hub or proxy gives out.
inline constexpr size_t kMaxUrlBytes = 16384;

struct Url {
  bool tls = false;
  std::string user_info;  // "user:password", percent-decoded; empty if none
  std::string host;       // without brackets, lower case
  uint16_t port = 0;
  std::string target;  // path and query, at least "/"

  std::string authority() const;  // "host", "[::1]:8080"; the port only if it is not the scheme's own
  std::string text() const;       // without user info
};

// kInvalidArgument for anything but http:// and https:// with a host; a fragment is dropped; control bytes and spaces are refused.
Result<Url> parse_url(std::string_view text);

// Where `location` leads from `base`: absolute, "//host/x", "/x", "?q" or relative to the path; dot segments are removed.
Result<Url> resolve_url(const Url& base, std::string_view location);

}  // namespace ondol
