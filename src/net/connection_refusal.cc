// How a connection refuses a request, whole or not: an answer that the client can read, and the end of the connection.
#include <utility>

#include "net/connection.h"
#include "net/http_text.h"

namespace ondol {
namespace {

using boost::system::error_code;

// A client that is still sending when it is refused reads the answer only if its bytes are taken meanwhile (RFC 9112 section 9.6).
constexpr int kLingerSeconds = 2;

}  // namespace

void Connection::refuse(const Refusal& refusal) {
  HttpResponse response;
  response.status = refusal.status;
  response.body = error_body(refusal.status, refusal.message, refusal.code);
  if (refusal.status == 503) response.headers.emplace_back("Retry-After", "1");
  refuse_with(response);
}

void Connection::refuse_with(const HttpResponse& response) {
  phase_ = Phase::kAnswering;
  timer_.expect_nothing();
  parser_.reset();
  const uint64_t id = outbox_.begin({});
  outbox_.respond(id, response);
}

// The header is there and more is to come, for the first time or again. False: the request was refused.
bool Connection::admit_body() {
  expect_within(core_->options.body_timeout_s);
  if (std::exchange(body_begun_, true)) return true;
  if (core_->options.answer_to_head) {
    if (const std::optional<HttpResponse> answer = core_->options.answer_to_head(parser_->request())) {
      refuse_with(*answer);
      return false;
    }
  }
  if (parser_->expects_continue()) outbox_.interim("HTTP/1.1 100 Continue\r\n\r\n");
  return true;
}

void Connection::linger() {
  phase_ = Phase::kLingering;
  expect_within(kLingerSeconds);
  if (tls_) {
    tls_->say_goodbye();
    if (send_tls_output()) return;
  }
  half_close();
}

void Connection::half_close() {
  error_code ec;
  socket_.shutdown(asio::socket_base::shutdown_send, ec);
  if (ec) return close();
  if (!reading_) begin_ = end_ = 0;
  read();
}

}  // namespace ondol
