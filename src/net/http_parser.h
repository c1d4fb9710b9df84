// Incremental parsers of HTTP/1.x messages; Boost.Beast behind them, plus the refusals that Beast does not make itself.
//
// Owner: one connection each; not shared between threads. Bounded by the limits given; memory grows with bytes received, by doubling, never
// with a length that a header claims.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/body_budget.h"
#include "net/http.h"

namespace ondol {

struct ParserLimits {
  size_t max_header_bytes = 64 << 10;
  size_t max_body_bytes = 32 << 20;
};

inline constexpr size_t kMaxHeaderFields = 256;

// Why a request is refused: the status, an OpenAI error code, a sentence.
struct Refusal {
  int status = 400;
  std::string code;
  std::string message;
};

enum class ParseState { kHeader, kBody, kDone, kRefused };

class RequestParser {
 public:
  // The body takes its memory from `bodies` if there is one, which outlives the parser and the share.
  explicit RequestParser(const ParserLimits& limits, BodyBudget* bodies = nullptr);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Returns how many bytes were taken; give the rest again with more behind it. The state tells whether more are wanted.
  size_t feed(std::string_view bytes);

  ParseState state() const;
  const Refusal& refusal() const;       // if kRefused
  HttpRequest& request();               // whole if kDone; method and headers from kBody on
  BodyBudget::Share take_body_share();  // what request().body holds, for whoever takes that
  bool keep_alive() const;              // from kBody on
  size_t body_length() const;           // as the header claims; SIZE_MAX if it does not tell
  bool http10() const;
  bool expects_continue() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  // Called for each piece of body; false stops with kCancelled.
  using OnBody = std::function<Status(std::string_view)>;

  ResponseParser(const ParserLimits& limits, bool to_head_request, OnBody on_body);
  ~ResponseParser();

  // As RequestParser::feed; fails with kDataLoss if this is no HTTP, or with what `on_body` says.
  Result<size_t> feed(std::string_view bytes);
  // The other side closed: kDataLoss unless the message may end so.
  Status finish();

  bool header_done() const;
  bool done() const;
  int status() const;
  const HttpHeaders& headers() const;
  std::optional<uint64_t> content_length() const;  // none if chunked or until close
  bool keep_alive() const;                         // if done: whether another answer may follow on the connection

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ondol
