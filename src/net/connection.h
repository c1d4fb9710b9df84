// Private to this room: one accepted connection, and what all connections of a server share.
//
// Owner: a Connection lives while an asynchronous operation or an Exchange refers to it. All of it belongs to its strand but the outbox.
// Bounded: one input buffer (4 KiB idle; at most one header block or 64 KiB of body), one request, whose body takes its share of what all
// connections may hold, and one answer (see Outbox).
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "net/body_budget.h"
#include "net/connection_timer.h"
#include "net/http_parser.h"
#include "net/outbox.h"
#include "net/server.h"
#include "net/tls_certificate.h"
#include "net/tls_session.h"

namespace ondol {

namespace asio = boost::asio;
using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Strand>;

class Connection;

// Kept alive by the server and by every connection, so that an Exchange may outlive the server.
struct ServerCore {
  ServerCore(const HttpServerOptions& given, Registry& registry, HttpHandler handle);

  void count_answer(int status);
  // kRefused: over max_connections, to be told so; kFull: so many are being told already, or the server stops: close it.
  enum class Place { kServed, kRefused, kFull };
  Place add(const std::shared_ptr<Connection>& connection);
  void remove(Connection* connection, Place place);
  // Runs `callback` on a server thread; in this one if there are none any more.
  void run(std::function<void()> callback);

  HttpServerOptions options;
  std::unique_ptr<TlsCertificate> tls;  // null: connections are plain
  Registry& metrics;
  HttpHandler handler;
  BodyBudget bodies;
  asio::io_context io;

  std::mutex mutex;
  std::condition_variable closed_one;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;  // served and refused
  size_t refused = 0;
  std::atomic<bool> draining{false};
  bool stopped = false;

 private:
  Gauge& connections_gauge_;
  std::array<std::atomic<Counter*>, 600> requests_{};
};

class Connection final : public std::enable_shared_from_this<Connection>, private OutboxOwner {
 public:
  Connection(std::shared_ptr<ServerCore> core, Socket socket);

  // On the strand.
  void start(ServerCore::Place place);
  void drain();
  void close();
  void expired();  // for its timer

  Strand strand() const { return strand_; }
  Outbox& outbox() { return outbox_; }   // any thread
  void run(std::function<void()> task);  // any thread: on the strand, later

 private:
  enum class Phase { kReceiving, kAnswering, kLingering, kClosed };

  bool on_strand() const override { return strand_.running_in_this_thread(); }
  void post_flush() override;
  void flush() override;
  void run_on_server(std::function<void()> callback) override { core_->run(std::move(callback)); }
  void count_answer(int status) override { core_->count_answer(status); }

  void read();
  void read_encrypted();
  void received_encrypted(size_t bytes);
  bool send_tls_output();
  void received(size_t bytes);
  bool make_room();
  void parse();
  bool admit_body();
  void hand_over();
  void refuse(const Refusal& refusal);
  void refuse_with(const HttpResponse& response);
  void send();
  void sent(size_t bytes);
  void next_request();
  void linger();
  void half_close();
  void reset();
  void await_client();
  void expect_within(int seconds) { timer_.expect_within(std::chrono::seconds(seconds)); }
  bool peer_is_gone();

  const std::shared_ptr<ServerCore> core_;
  const Strand strand_;
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;  // null: plain
  ConnectionTimer<Timer, Connection> timer_;
  Outbox outbox_;
  Phase phase_ = Phase::kReceiving;
  ServerCore::Place place_ = ServerCore::Place::kServed;
  std::string remote_;
  bool loopback_ = false;

  std::optional<RequestParser> parser_;  // from the first byte of a request to its last
  std::unique_ptr<char[]> input_;
  size_t input_size_ = 0, begin_ = 0, end_ = 0;  // unparsed bytes are [begin_, end_)
  size_t lingered_bytes_ = 0;
  bool reading_ = false, body_begun_ = false;

  std::string sending_;
  size_t sent_ = 0;
  bool writing_ = false, sending_at_once_ = false;
};

}  // namespace ondol
