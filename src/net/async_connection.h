// Private to this room: one connection of an AsyncLoop to an origin, connecting, busy with one request, or kept idle.
//
// Owner: its pending operations, and the loop while it is idle. The loop's thread. Bounded: one input buffer, one answer's headers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/async_loop.h"
#include "net/connection_timer.h"
#include "net/http_parser.h"

namespace ondol {

class UpstreamConnection : public std::enable_shared_from_this<UpstreamConnection> {
 public:
  UpstreamConnection(AsyncLoop& loop, std::string origin);

  void open(std::shared_ptr<AsyncCall> call);  // connects, then sends
  void take(std::shared_ptr<AsyncCall> call);  // sends on a kept connection
  void close();                                // calls nobody
  void expired();                              // for its timer

 private:
  enum class Phase { kConnecting, kBusy, kIdle, kClosed };
  using error_code = boost::system::error_code;
  using tcp = asio::ip::tcp;

  void resolve();
  void connected(error_code ec);
  void start_tls();
  void tls_started(error_code ec);
  void begin();
  void write();
  void written(error_code ec, size_t bytes);
  void read();
  bool make_room();
  void received(error_code ec, size_t bytes);
  void parse();
  void new_parser();
  Status take_head();
  Status take_body(std::string_view bytes);
  void cut_off(error_code ec);
  void complete(bool keep);
  void fail_call(Code code, std::string message);
  void expect_within(int64_t us);

  AsyncLoop& loop_;
  const std::string origin_;
  tcp::socket socket_;
  std::unique_ptr<asio::ssl::stream<tcp::socket&>> tls_;  // null: plain
  ConnectionTimer<asio::steady_timer, UpstreamConnection> timer_;
  std::unique_ptr<tcp::resolver> resolver_;
  Phase phase_ = Phase::kConnecting;
  bool reused_ = false, reading_ = false, writing_ = false;

  std::shared_ptr<AsyncCall> call_;
  size_t sent_ = 0;  // of head and body
  std::optional<ResponseParser> parser_;
  bool got_bytes_ = false, head_told_ = false;
  int interim_ = 0;
  uint64_t body_bytes_ = 0;

  std::unique_ptr<char[]> input_;
  size_t input_size_ = 0, begin_ = 0, end_ = 0;  // unparsed bytes are [begin_, end_)
};

}  // namespace ondol
