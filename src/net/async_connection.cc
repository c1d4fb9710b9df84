#include "net/async_connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <chrono>
#include <cstring>
#include <utility>

#include "net/http_text.h"

namespace ondol {
namespace {

constexpr size_t kIdleInput = 16 << 10;
constexpr size_t kLargeInput = 64 << 10;  // once a read has filled the small one
constexpr int kMaxInterimAnswers = 16;

std::string seconds_text(int64_t us) {
  const int64_t ms = us / 1000;
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

UpstreamConnection::UpstreamConnection(AsyncLoop& loop, std::string origin)
    : loop_(loop), origin_(std::move(origin)), socket_(loop.io()), timer_(*this, loop.io().get_executor()) {}

void UpstreamConnection::open(std::shared_ptr<AsyncCall> call) {
  call_ = std::move(call);
  call_->connection = this;
  phase_ = Phase::kConnecting;
  expect_within(loop_.options().connect_timeout_us);
  error_code ec;
  const asio::ip::address address = asio::ip::make_address(call_->request.url.host, ec);
  if (ec) return resolve();
  socket_.async_connect(tcp::endpoint(address, call_->request.url.port),
                        [self = shared_from_this()](error_code result) { self->connected(result); });
}

void UpstreamConnection::resolve() {
  resolver_ = std::make_unique<tcp::resolver>(loop_.io());
  const Url& url = call_->request.url;
  resolver_->async_resolve(
      url.host, std::to_string(url.port), [self = shared_from_this()](error_code ec, const tcp::resolver::results_type& found) {
        if (self->phase_ == Phase::kClosed) return;
        if (ec) return self->connected(ec);
        asio::async_connect(self->socket_, found, [self](error_code result, const tcp::endpoint&) { self->connected(result); });
      });
}

void UpstreamConnection::connected(error_code ec) {
  if (phase_ == Phase::kClosed) return;
  resolver_.reset();
  if (ec) return fail_call(Code::kUnavailable, "cannot connect: " + ec.message() + "; is the server running and the address right?");
  socket_.set_option(tcp::no_delay(true), ec);
  if (call_->request.url.tls) return start_tls();
  begin();
  read();
}

void UpstreamConnection::start_tls() {
  tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, new_client_tls(loop_.tls(), call_->request.url.host));
  loop_.sessions().resume(origin_, *tls_->native_handle());
  tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](error_code ec) { self->tls_started(ec); });
}

void UpstreamConnection::tls_started(error_code ec) {
  if (phase_ == Phase::kClosed) return;
  if (ec) {
    loop_.sessions().forget(origin_);
    const std::string problem =
        handshake_problem(*tls_->native_handle(), call_->request.url.host, ec, "give the certificate of its CA with ca_file");
    return fail_call(Code::kUnavailable, problem);
  }
  if (SSL_session_reused(tls_->native_handle()) == 1) loop_.count_resumed();
  begin();
  read();
}

void UpstreamConnection::take(std::shared_ptr<AsyncCall> call) {
  call_ = std::move(call);
  call_->connection = this;
  reused_ = true;
  begin();
}

void UpstreamConnection::begin() {
  phase_ = Phase::kBusy;
  sent_ = 0;
  body_bytes_ = 0;
  interim_ = 0;
  got_bytes_ = head_told_ = false;
  write();
}

void UpstreamConnection::write() {
  const std::string &head = call_->head, &body = call_->request.body;
  const size_t in_head = std::min(sent_, head.size()), in_body = sent_ - in_head;
  const std::array<asio::const_buffer, 2> rest{asio::const_buffer(head.data() + in_head, head.size() - in_head),
                                               asio::const_buffer(body.data() + in_body, body.size() - in_body)};
  writing_ = true;
  expect_within(call_->request.idle_timeout_us);
  // Holds the call: its bytes are read until the operation ends, also when the connection is closed meanwhile.
  auto then = [self = shared_from_this(), call = call_](error_code ec, size_t bytes) { self->written(ec, bytes); };
  tls_ ? tls_->async_write_some(rest, std::move(then)) : socket_.async_write_some(rest, std::move(then));
}

void UpstreamConnection::written(error_code ec, size_t bytes) {
  if (phase_ != Phase::kBusy) return;
  // The pending read tells how it ended: a server that refuses a body answers before it closes.
  if (ec) return;
  sent_ += bytes;
  if (sent_ < call_->head.size() + call_->request.body.size()) return write();
  writing_ = false;
  if (!head_told_) expect_within(call_->request.first_byte_timeout_us);
}

// Makes space behind end_; false if the input holds all it may. Only while no read is pending: that one writes into the buffer.
bool UpstreamConnection::make_room() {
  const size_t used = end_ - begin_;
  size_t wanted = phase_ == Phase::kBusy ? std::max(input_size_, kIdleInput) : kIdleInput;
  if (phase_ == Phase::kBusy && end_ == input_size_ && input_size_ > 0) wanted = std::max(wanted, kLargeInput);
  if (used >= wanted) wanted = loop_.options().max_header_bytes + kLargeInput;
  if (used >= wanted) return false;
  if (wanted != input_size_) {
    std::unique_ptr<char[]> other(new char[wanted]);
    if (used > 0) std::memcpy(other.get(), input_.get() + begin_, used);
    input_ = std::move(other);
    input_size_ = wanted;
  } else if (begin_ > 0 && used > 0) {
    std::memmove(input_.get(), input_.get() + begin_, used);
  }
  begin_ = 0;
  end_ = used;
  return true;
}

void UpstreamConnection::read() {
  if (reading_ || phase_ == Phase::kClosed) return;
  if (!make_room()) return fail_call(Code::kDataLoss, "a header or chunk header of the answer is too large");
  reading_ = true;
  const auto room = asio::buffer(input_.get() + end_, input_size_ - end_);
  auto then = [self = shared_from_this()](error_code ec, size_t bytes) { self->received(ec, bytes); };
  tls_ ? tls_->async_read_some(room, std::move(then)) : socket_.async_read_some(room, std::move(then));
}

void UpstreamConnection::received(error_code ec, size_t bytes) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kIdle) {  // closed by the other side, or bytes that nobody asked for
    loop_.forget(origin_, this);
    return close();
  }
  if (ec) return cut_off(ec);
  got_bytes_ = true;
  end_ += bytes;
  if (head_told_ && !writing_) expect_within(call_->request.idle_timeout_us);
  parse();
}

void UpstreamConnection::new_parser() {
  const ParserLimits limits{.max_header_bytes = loop_.options().max_header_bytes, .max_body_bytes = SIZE_MAX};
  parser_.emplace(limits, call_->request.method == "HEAD", [this](std::string_view piece) { return take_body(piece); });
}

void UpstreamConnection::parse() {
  while (begin_ < end_) {
    if (!parser_) new_parser();
    const Result<size_t> taken = parser_->feed({input_.get() + begin_, end_ - begin_});
    if (!taken) return fail_call(taken.error().code, taken.error().message);
    begin_ += *taken;
    if (!parser_->header_done()) break;
    if (parser_->status() / 100 == 1) {
      if (parser_->status() == 101) return fail_call(Code::kDataLoss, "the answer changes to another protocol, which nobody asked for");
      if (++interim_ > kMaxInterimAnswers) return fail_call(Code::kDataLoss, "there are more than 16 interim answers");
      parser_.reset();
      continue;
    }
    if (const Status told = take_head(); !told) return fail_call(told.error().code, told.error().message);
    if (parser_->done()) return complete(parser_->keep_alive() && !writing_ && begin_ == end_);
    break;
  }
  read();
}

// Tells the sink of the head, once. Before the first piece of the body, which comes in the same call to the parser.
Status UpstreamConnection::take_head() {
  if (std::exchange(head_told_, true)) return {};
  const auto length = parser_->content_length();
  const bool has_body = call_->request.method != "HEAD" && !has_no_body(parser_->status());
  const uint64_t most = call_->request.max_body_bytes;
  if (has_body && length && *length > most) {
    return fail(Code::kDataLoss,
                "the answer is " + std::to_string(*length) + " bytes long, and " + std::to_string(most) + " are taken at most");
  }
  if (!writing_) expect_within(call_->request.idle_timeout_us);
  call_->sink->on_head(parser_->status(), parser_->headers());
  return {};
}

Status UpstreamConnection::take_body(std::string_view bytes) {
  ONDOL_TRY_STATUS(take_head());
  body_bytes_ += bytes.size();
  if (body_bytes_ > call_->request.max_body_bytes) {
    return fail(Code::kDataLoss,
                "the answer is longer than the " + std::to_string(call_->request.max_body_bytes) + " bytes that are taken");
  }
  if (!bytes.empty()) call_->sink->on_data(bytes);
  return {};
}

void UpstreamConnection::cut_off(error_code ec) {
  if (!got_bytes_ && reused_ && !call_->retried) {
    const std::shared_ptr<AsyncCall> call = std::move(call_);
    close();
    return loop_.retry(call);
  }
  if (!parser_) return fail_call(Code::kUnavailable, "the connection was closed before an answer came: " + ec.message() + tls_advice(ec));
  if (ec == asio::error::eof && parser_->finish()) return complete(false);
  fail_call(Code::kDataLoss, "the connection was closed in the middle of the answer: " + ec.message());
}

void UpstreamConnection::complete(bool keep) {
  const std::shared_ptr<AsyncCall> call = std::move(call_);
  const auto self = shared_from_this();
  call->connection = nullptr;
  parser_.reset();
  if (tls_ && !reused_) loop_.sessions().keep(origin_, *tls_->native_handle());
  if (keep && loop_.keep(origin_, self)) {  // before the end is told, so that who sends again at once finds it
    phase_ = Phase::kIdle;
    expect_within(loop_.options().idle_connection_us);
    read();
  } else {
    close();
  }
  loop_.end(call, {});
}

void UpstreamConnection::fail_call(Code code, std::string message) {
  const std::shared_ptr<AsyncCall> call = std::move(call_);
  const auto self = shared_from_this();
  close();
  if (call != nullptr) loop_.end(call, fail(code, origin_ + ": " + message));
}

void UpstreamConnection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  error_code ec;
  if (tls_) ClientSessions::preserve(*tls_->native_handle());
  socket_.close(ec);
  timer_.cancel();
  if (resolver_) resolver_->cancel();
  if (call_ != nullptr) call_->connection = nullptr;
}

void UpstreamConnection::expect_within(int64_t us) {
  us <= 0 ? timer_.expect_nothing() : timer_.expect_within(std::chrono::microseconds(us));
}

void UpstreamConnection::expired() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kIdle) {
    loop_.forget(origin_, this);
    return close();
  }
  if (phase_ == Phase::kConnecting) {
    const std::string limit = " within " + seconds_text(loop_.options().connect_timeout_us);
    return fail_call(Code::kUnavailable, tls_ ? "connected, but no TLS handshake" + limit + "; does this port take https?"
                                              : "no connection" + limit + "; is the address right?");
  }
  const AsyncRequest& request = call_->request;
  if (writing_) return fail_call(Code::kDeadlineExceeded, "no byte of the request was taken for " + seconds_text(request.idle_timeout_us));
  if (!head_told_) return fail_call(Code::kDeadlineExceeded, "no answer within " + seconds_text(request.first_byte_timeout_us));
  fail_call(Code::kDeadlineExceeded, "nothing came for " + seconds_text(request.idle_timeout_us) + " in the middle of the answer");
}

}  // namespace ondol
