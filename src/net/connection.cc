#include "net/connection.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

#include "net/exchange.h"

namespace ondol {
namespace {

using boost::system::error_code;

constexpr size_t kIdleInput = 4 << 10;   // what an idle connection costs
constexpr size_t kBodyInput = 64 << 10;  // fewer reads for a body
constexpr size_t kKeptOutput = 16 << 10;
constexpr size_t kLingerBytes = 64 << 20;

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, Socket socket)
    : core_(std::move(core)),
      strand_(socket.get_executor()),
      socket_(std::move(socket)),
      timer_(*this, strand_),
      outbox_(*this, core_->options.max_pending_bytes, core_->draining) {}

void Connection::start(ServerCore::Place place) {
  place_ = place;
  error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  if (!ec) socket_.non_blocking(true, ec);  // for flush(), which writes without waiting
  const auto peer = socket_.remote_endpoint(ec);
  if (ec) return close();
  const auto address = peer.address();
  const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
  const asio::ip::address plain = mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()) : address;
  loopback_ = plain.is_loopback();
  remote_ = (plain.is_v6() ? "[" + plain.to_string() + "]" : plain.to_string()) + ":" + std::to_string(peer.port());
  if (core_->tls) tls_ = std::make_unique<TlsSession>(core_->tls->current());
  if (place == ServerCore::Place::kRefused) {
    refuse({503, "too_many_connections",
            "the server has its " + std::to_string(core_->options.max_connections) + " connections already, try again later"});
    if (!tls_) return;  // otherwise the answer waits for the handshake
  }
  expect_within(core_->options.header_timeout_s);
  read();
}

// Makes space behind end_; false if the input holds all it may. Only while no read is pending: a pending one writes into the buffer.
bool Connection::make_room() {
  const size_t used = end_ - begin_;
  size_t wanted = kIdleInput;
  if (phase_ == Phase::kReceiving) {
    // A short body fits the idle buffer.
    if (parser_ && parser_->state() == ParseState::kBody && parser_->body_length() > kIdleInput) wanted = kBodyInput;
    const size_t most = std::max(core_->options.max_header_bytes, kBodyInput) + kIdleInput;
    while (wanted <= used && wanted < most) wanted = std::min(wanted * 2, most);
  }
  if (wanted > input_size_ || (used == 0 && wanted < input_size_)) {
    if (wanted < used) return false;
    std::unique_ptr<char[]> larger(new char[wanted]);
    if (used > 0) std::memcpy(larger.get(), input_.get() + begin_, used);  // there is no input yet at first
    input_ = std::move(larger);
    input_size_ = wanted;
  } else if (begin_ > 0) {
    std::memmove(input_.get(), input_.get() + begin_, used);
  }
  begin_ = 0;
  end_ = used;
  return used < input_size_;
}

void Connection::read() {
  if (reading_ || phase_ == Phase::kClosed) return;
  if (!make_room()) {
    if (phase_ == Phase::kReceiving) refuse({431, "headers_too_large", "a chunk header or trailer is too large"});
    return;  // while answering: expired() looks for the client's leaving now and then
  }
  if (tls_ && phase_ != Phase::kLingering) return read_encrypted();
  reading_ = true;
  socket_.async_read_some(asio::buffer(input_.get() + end_, input_size_ - end_), [self = shared_from_this()](error_code ec, size_t bytes) {
    self->reading_ = false;
    if (self->phase_ == Phase::kClosed) return;
    if (ec) return self->close();
    self->received(bytes);
  });
}

void Connection::received(size_t bytes) {
  end_ += bytes;
  if (phase_ == Phase::kReceiving) return parse();
  if (phase_ == Phase::kLingering) {
    begin_ = end_ = 0;
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > kLingerBytes) return close();
  }
  read();
  if (!reading_ && phase_ == Phase::kAnswering && !writing_) expect_within(1);
}

void Connection::parse() {
  if (!parser_) {
    // RFC 9112 section 2.2: empty lines before a request line are skipped.
    while (begin_ < end_ && (input_[begin_] == '\r' || input_[begin_] == '\n')) ++begin_;
    if (begin_ == end_) return read();
    parser_.emplace(ParserLimits{core_->options.max_header_bytes, core_->options.max_body_bytes}, &core_->bodies);
    parser_->request().remote = remote_;
    parser_->request().loopback = loopback_;
  }
  begin_ += parser_->feed({input_.get() + begin_, end_ - begin_});
  switch (parser_->state()) {
    case ParseState::kRefused: return refuse(parser_->refusal());
    case ParseState::kDone: return hand_over();
    case ParseState::kBody:
      if (!admit_body()) return;
      break;
    case ParseState::kHeader: break;
  }
  read();
}

void Connection::hand_over() {
  phase_ = Phase::kAnswering;
  timer_.expect_nothing();
  HttpRequest request = std::move(parser_->request());
  BodyBudget::Share body = parser_->take_body_share();
  const Outbox::RequestTraits traits{request.method == "HEAD", parser_->http10(), parser_->keep_alive()};
  parser_.reset();
  body_begun_ = false;
  read();                                // notices that the client leaves; what it sends already is kept for the next request
  if (phase_ == Phase::kClosed) return;  // it said goodbye right behind its request
  if (!reading_) expect_within(1);
  const uint64_t id = outbox_.begin(traits);
  core_->handler(std::make_shared<ConnectionExchange>(shared_from_this(), id, std::move(request), std::move(body)));
}

void Connection::run(std::function<void()> task) {
  const std::scoped_lock lock(core_->mutex);
  if (core_->stopped) return;
  asio::post(strand_, std::move(task));
}

void Connection::post_flush() {
  asio::post(strand_, [self = shared_from_this()] { self->flush(); });
}

void Connection::flush() {
  if (phase_ == Phase::kClosed) return;
  if (writing_) {
    if (!outbox_.connected()) close();
    return;
  }
  if (tls_ && (send_tls_output() || !tls_->ready())) return;
  sending_.clear();
  switch (outbox_.take(sending_)) {
    case Outbox::Next::kNothing: return await_client();
    case Outbox::Next::kNextRequest: return next_request();
    case Outbox::Next::kLinger: return linger();
    case Outbox::Next::kReset: return reset();
    case Outbox::Next::kCutOff: return sending_at_once_ ? post_flush() : close();  // never inside a call of the application
    case Outbox::Next::kSend: break;
  }
  if (tls_ && !tls_->encrypt(sending_)) return close();
  sent_ = 0;
  if (sending_at_once_) return send();
  // The kernel nearly always takes an answer at once: that saves a turn of the event loop. An error comes again to send().
  error_code ec;
  const size_t bytes = socket_.write_some(asio::buffer(sending_), ec);
  if (ec) return send();
  sending_at_once_ = true;  // what comes meanwhile waits for its turn: nothing recurses, and other connections have theirs
  sent(bytes);
  sending_at_once_ = false;
}

void Connection::send() {
  if (phase_ == Phase::kAnswering) expect_within(core_->options.write_timeout_s);
  writing_ = true;
  socket_.async_write_some(asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
                           [self = shared_from_this()](error_code ec, size_t bytes) {
                             self->writing_ = false;
                             if (self->phase_ == Phase::kClosed) return;
                             if (ec) return self->close();
                             self->sent(bytes);
                           });
}

// The kernel took so many bytes more.
void Connection::sent(size_t bytes) {
  sent_ += bytes;
  outbox_.in_flight(sending_.size() - sent_);
  if (sent_ < sending_.size()) return send();
  if (sending_.capacity() > kKeptOutput) sending_ = {};
  phase_ == Phase::kLingering ? half_close() : flush();
}

// The application thinks: nothing to send, no deadline, unless the client's leaving has to be looked for.
void Connection::await_client() {
  if (phase_ != Phase::kAnswering) return;
  timer_.expect_nothing();
  if (!reading_) expect_within(1);
}

void Connection::next_request() {
  phase_ = Phase::kReceiving;
  if (core_->draining && begin_ == end_) return close();
  expect_within(core_->options.header_timeout_s);
  if (begin_ == end_) return read();
  // Not from here: a client that sends many requests at once would have each answered inside the one before.
  asio::post(strand_, [self = shared_from_this()] {
    if (self->phase_ == Phase::kReceiving) self->parse();
  });
}

// Ends an aborted body that only the close delimits, so that the client does not take it for whole.
void Connection::reset() {
  error_code ec;
  socket_.set_option(asio::socket_base::linger(true, 0), ec);
  close();
}

void Connection::drain() {
  if (phase_ == Phase::kReceiving && !parser_ && begin_ == end_) close();
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  error_code ec;
  socket_.close(ec);
  timer_.cancel();
  if (const auto callback = outbox_.close()) callback();
  core_->remove(this, place_);
}

void Connection::expired() {
  switch (phase_) {
    case Phase::kReceiving: {
      if (!parser_) return close();
      const bool header = parser_->state() == ParseState::kHeader;
      const int seconds = header ? core_->options.header_timeout_s : core_->options.body_timeout_s;
      return refuse({408, "request_timeout",
                     std::string(header ? "the headers did not arrive within " : "no byte of the body arrived for ") +
                         std::to_string(seconds) + " seconds"});
    }
    case Phase::kAnswering:
      if (writing_ || (tls_ && !tls_->ready()) || peer_is_gone()) return close();
      if (!reading_) expect_within(1);
      return;
    case Phase::kLingering: return close();
    case Phase::kClosed: return;
  }
}

// For a connection whose input is full of pipelined requests, so that no read is pending that would see the end.
bool Connection::peer_is_gone() {
  pollfd poll_for{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&poll_for, 1, 0) > 0;
}

}  // namespace ondol
