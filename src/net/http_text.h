// The text of HTTP messages: status lines, headers, chunk frames, error bodies. Pure functions, any thread.
//
// Bounded by what the caller passes; nothing here reads from a socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace ondol {

bool equals_ignoring_case(std::string_view a, std::string_view b);

// "Not Found"; "Unknown" for a status without a registered phrase (RFC 9110 section 15).
std::string_view reason_phrase(int status);

// True for the statuses that never have a body (RFC 9110 section 6.4.1): 1xx, 204, 304.
bool has_no_body(int status);

// OpenAI's error shape: {"error":{"message":...,"type":...,"param":null,"code":...}}; the type follows from the status.
std::string error_body(int status, std::string_view message, std::string_view code);

enum class BodyFraming { kLength, kChunked, kUntilClose, kNone };

struct ResponseHead {
  int status = 200;
  std::string_view content_type;  // none if empty
  BodyFraming framing = BodyFraming::kLength;
  uint64_t content_length = 0;  // for kLength
  bool keep_alive = true;
  bool http10 = false;  // the request was HTTP/1.0: keep-alive has to be said
};

// Appends status line, Date, Server (ours unless `headers` has one), the framing headers and `headers`, and the empty line. Bytes in
// `headers` that would end a line are replaced by spaces; Connection, Content-Length, Transfer-Encoding and names that are no tokens are
// left out.
void append_head(std::string& out, const ResponseHead& head, const HttpHeaders& headers);

struct RequestHead {
  std::string_view method, target;
  std::string host;  // "host:port", for the Host header
  uint64_t content_length = 0;
};

// Appends request line, Host, Content-Length (not for GET and HEAD without a body), `headers`, and the empty line. What belongs to one
// connection (Connection, Transfer-Encoding, Expect, Upgrade, ...) is left out of `headers`, line breaks in values become spaces.
// kInvalidArgument if the method is no token or the target is not of the form "/...", without spaces and control bytes; nothing is added.
Status append_request_head(std::string& out, const RequestHead& head, const HttpHeaders& headers);

// Appends `data` as one chunk (RFC 9112 section 7.1). Nothing for empty data, which would end the body.
void append_chunk(std::string& out, std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace ondol
