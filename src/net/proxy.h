// Which proxy a request goes through, from the environment that curl and most programs obey. Pure functions, any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/url.h"

namespace ondol {

// Value of an environment variable, null if it is not set.
using Environment = std::function<const char*(const char* name)>;

// http_proxy (lower case only: CGI sets HTTP_PROXY from a request header), https_proxy, all_proxy, both cases; no_proxy lists hosts,
// domains and "*", each with or without a leading dot, a port after a colon. Loopback is never sent to a proxy. None: go directly.
// kInvalidArgument if the value is not an http:// proxy.
Result<std::optional<Url>> choose_proxy(const Url& target, const Environment& environment);

// Value of Proxy-Authorization or Authorization for "user:password" (RFC 7617).
std::string basic_credentials(std::string_view user_info);

}  // namespace ondol
