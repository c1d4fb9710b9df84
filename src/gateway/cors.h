// Cross-origin requests: which web pages may call this server from a browser (the CORS protocol of the Fetch standard).
//
// Owner: the admission; immutable after create. Any thread; pure functions of a request. Bounded by kMaxOrigins.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/http.h"

namespace ondol {

class CorsPolicy {
 public:
  static constexpr size_t kMaxOrigins = 256;

  CorsPolicy() = default;  // no page: no header is ever added
  // Exact origins ("https://chat.example.com", "http://localhost:3000"), or "*" for every page.
  static Result<CorsPolicy> create(std::vector<std::string> origins);

  // The answer to a preflight request; nothing if it is none or no page may call.
  std::optional<HttpResponse> preflight(const HttpRequest& request) const;
  // What the answer to any other request carries.
  HttpHeaders headers(const HttpRequest& request) const;

 private:
  bool allows(std::string_view origin) const;
  void add_origin(const HttpRequest& request, HttpHeaders& headers) const;

  std::vector<std::string> origins_;
  bool any_ = false;
};

}  // namespace ondol
