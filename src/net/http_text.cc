#include "net/http_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace ondol {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kMarks.find(c) != std::string_view::npos;
  };
  return !name.empty() && std::ranges::all_of(name, allowed);
}

bool is_framing(std::string_view name) {
  return equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "content-length") ||
         equals_ignoring_case(name, "transfer-encoding");
}

// What a request's headers must not carry from one connection to another (RFC 9110 section 7.6.1), and what the client says itself.
bool is_of_connection(std::string_view name) {
  constexpr std::string_view kNames[] = {"host", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect", "http2-settings"};
  return is_framing(name) || std::ranges::any_of(kNames, [&](std::string_view other) { return equals_ignoring_case(name, other); });
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

// IMF-fixdate; made once a second in each thread.
std::string_view date() {
  thread_local std::time_t made = -1;
  thread_local std::array<char, 32> text;
  thread_local size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made = now;
  }
  return {text.data(), length};
}

template <class Int>
void append_number(std::string& out, Int value, int base = 10) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
  out.append(text.data(), end);
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20) {
      out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view find_header(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (equals_ignoring_case(key, name)) return value;
  return {};
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

bool has_no_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

std::string error_body(int status, std::string_view message, std::string_view code) {
  std::string out = R"({"error":{"message":)";
  append_json_string(out, message);
  out += R"(,"type":)";
  append_json_string(out, status >= 500 ? "server_error" : "invalid_request_error");
  out += R"(,"param":null,"code":)";
  append_json_string(out, code);
  return out + "}}";
}

void append_head(std::string& out, const ResponseHead& head, const HttpHeaders& headers) {
  const int status = head.status >= 100 && head.status <= 999 ? head.status : 500;
  out += "HTTP/1.1 ";
  append_number(out, status);
  out.append(" ").append(reason_phrase(status)).append("\r\nDate: ").append(date()).append("\r\n");
  if (find_header(headers, "server").empty()) out += "Server: ondol\r\n";
  if (!head.content_type.empty()) {
    out += "Content-Type: ";
    append_value(out, head.content_type);
    out += "\r\n";
  }
  if (head.framing == BodyFraming::kLength) {
    out += "Content-Length: ";
    append_number(out, head.content_length);
    out += "\r\n";
  } else if (head.framing == BodyFraming::kChunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (!head.keep_alive) {
    out += "Connection: close\r\n";
  } else if (head.http10) {
    out += "Connection: keep-alive\r\n";
  }
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || is_framing(name)) continue;
    out.append(name).append(": ");
    append_value(out, value);
    out += "\r\n";
  }
  out += "\r\n";
}

Status append_request_head(std::string& out, const RequestHead& head, const HttpHeaders& headers) {
  const auto breaks = [](char c) { return static_cast<uint8_t>(c) <= ' ' || c == 0x7f; };
  if (!is_token(head.method)) return fail(Code::kInvalidArgument, "the method " + quoted(head.method) + " is not a token of HTTP");
  if (!head.target.starts_with('/') || std::ranges::any_of(head.target, breaks)) {
    return fail(Code::kInvalidArgument, "the target " + quoted(head.target) + " must begin with '/' and have no spaces");
  }
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\nHost: ");
  append_value(out, head.host);
  out += "\r\n";
  if (head.content_length > 0 || (head.method != "GET" && head.method != "HEAD")) {
    out += "Content-Length: ";
    append_number(out, head.content_length);
    out += "\r\n";
  }
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || is_of_connection(name)) continue;
    out.append(name).append(": ");
    append_value(out, value);
    out += "\r\n";
  }
  out += "\r\n";
  return {};
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  append_number(out, data.size(), 16);
  out.append("\r\n").append(data).append("\r\n");
}

}  // namespace ondol
