// HTTP messages as the rest of the program sees them; no Boost here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ondol {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// First header of that name (ASCII case-insensitive), empty if none.
std::string_view find_header(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // "/v1/models", percent-decoded
  std::string query;   // after '?', raw
  HttpHeaders headers;
  std::string body;
  std::string remote;  // "127.0.0.1:53112"
  bool loopback = false;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string content_type = "application/json";
  std::string body;
};

}  // namespace ondol
