#include "net/server.h"
#include "base/thread_name.h"

#include <spdlog/spdlog.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <vector>

#include "net/connection.h"

namespace ondol {
namespace {

using boost::system::error_code;
using tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, Strand>;

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn
// Connections beyond max_connections that may be open to be told 503; more are closed at once. They take no served one's place.
constexpr size_t kRefusalReserve = 64;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr auto kAcceptLogEvery = std::chrono::seconds(10);

std::string text_of(const tcp::endpoint& at) {
  const std::string host = at.address().to_string();
  return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

std::unexpected<Error> cannot_listen(const tcp::endpoint& at, const error_code& ec) {
  std::string message = "cannot listen on " + text_of(at) + ": ";
  if (ec == asio::error::address_in_use) {
    message += "the address is taken; stop the program that holds it (see: ss -ltnp) or choose another port";
  } else if (ec == asio::error::access_denied) {
    message += "not permitted; choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE";
  } else if (ec == error_code(EADDRNOTAVAIL, boost::system::system_category())) {
    message += "this machine has no such address";
  } else {
    message += ec.message();
  }
  return fail(Code::kUnavailable, std::move(message));
}

// Accepts on one address until it is closed.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  explicit Listener(std::shared_ptr<ServerCore> core)
      : core_(std::move(core)), strand_(asio::make_strand(core_->io)), acceptor_(strand_), pause_(strand_) {}

  error_code listen(const tcp::endpoint& at) {
    error_code ec;
    acceptor_.open(at.protocol(), ec);
    if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec && at.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(!at.address().is_unspecified()), ec);
    if (!ec) acceptor_.bind(at, ec);
    if (!ec) acceptor_.listen(kBacklog, ec);
    return ec;
  }

  uint16_t port() const {
    error_code ec;
    return acceptor_.local_endpoint(ec).port();
  }

  void accept() {
    acceptor_.async_accept(asio::make_strand(core_->io), [self = shared_from_this()](error_code ec, Socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (!ec) {
        self->take(std::move(socket));
      } else if (ec != asio::error::connection_aborted) {
        return self->back_off(ec);
      }
      self->accept();
    });
  }

  void close() {
    asio::post(strand_, [self = shared_from_this()] {
      error_code ec;
      self->acceptor_.close(ec);
      self->pause_.cancel();
    });
  }

 private:
  void take(Socket socket) {
    const auto connection = std::make_shared<Connection>(core_, std::move(socket));
    const auto place = core_->add(connection);
    if (place == ServerCore::Place::kFull) return;
    asio::post(connection->strand(), [connection, place] { connection->start(place); });
  }

  // Out of descriptors or memory: the connections wait in the backlog until some are closed.
  void back_off(const error_code& ec) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_log_ > kAcceptLogEvery) {
      last_log_ = now;
      spdlog::warn("cannot accept connections for now: {}; raise the limit of open files (ulimit -n) if this goes on", ec.message());
    }
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([self = shared_from_this()](error_code) {
      if (self->acceptor_.is_open()) self->accept();
    });
  }

  const std::shared_ptr<ServerCore> core_;
  const Strand strand_;
  Acceptor acceptor_;
  Timer pause_;
  std::chrono::steady_clock::time_point last_log_{};
};

using Listeners = std::vector<std::shared_ptr<Listener>>;

Result<std::vector<tcp::endpoint>> resolve(asio::io_context& io, const HttpServerOptions& options) {
  error_code ec;
  if (const auto address = asio::ip::make_address(options.address, ec); !ec) return std::vector{tcp::endpoint(address, options.port)};
  tcp::resolver resolver(io);
  const auto flags = tcp::resolver::passive | tcp::resolver::numeric_service;
  const auto found = resolver.resolve(options.address, std::to_string(options.port), flags, ec);
  if (options.address.empty() || ec) {
    return fail(Code::kUnavailable,
                "cannot listen on " + quoted(options.address) + ": no address or host name of this machine (" + ec.message() + ")");
  }
  std::vector<tcp::endpoint> out;
  for (const auto& entry : found)
    if (std::ranges::find(out, entry.endpoint()) == out.end()) out.push_back(entry.endpoint());
  return out;
}

// Listens on all addresses of a name. A family that this machine lacks is passed over if another works.
Result<Listeners> listen_on(const std::shared_ptr<ServerCore>& core, const std::vector<tcp::endpoint>& endpoints) {
  Listeners out;
  std::expected<void, Error> missing;
  uint16_t port = endpoints.front().port();
  for (auto at : endpoints) {
    at.port(port);
    const auto listener = std::make_shared<Listener>(core);
    const error_code ec = listener->listen(at);
    const bool absent =
        ec == asio::error::address_family_not_supported || ec == error_code(EADDRNOTAVAIL, boost::system::system_category());
    if (absent) {
      missing = cannot_listen(at, ec);
    } else if (ec) {
      return cannot_listen(at, ec);
    } else {
      port = listener->port();
      out.push_back(listener);
    }
  }
  if (out.empty()) ONDOL_TRY_STATUS(missing);
  return out;
}

class Server final : public HttpServer {
 public:
  Server(std::shared_ptr<ServerCore> core, Listeners listeners)
      : core_(std::move(core)), listeners_(std::move(listeners)), port_(listeners_.front()->port()), work_(core_->io.get_executor()) {
    for (const auto& listener : listeners_) listener->accept();
    for (int i = 0; i < std::max(core_->options.threads, 1); ++i)
      threads_.emplace_back([io = &core_->io] {
        name_this_thread("http");
        io->run();
      });
  }
  ~Server() override { stop(0); }

  uint16_t port() const override { return port_; }

  void stop(int drain_s) override {
    if (threads_.empty()) return;
    for (const auto& listener : listeners_) listener->close();
    listeners_.clear();
    {
      std::unique_lock lock(core_->mutex);
      core_->draining = true;
      for (const auto& [key, connection] : core_->connections) post(connection, &Connection::drain);
      const auto all_closed = [&] { return core_->connections.empty(); };
      core_->closed_one.wait_for(lock, std::chrono::seconds(std::max(drain_s, 0)), all_closed);
      for (const auto& [key, connection] : core_->connections) post(connection, &Connection::close);
      core_->closed_one.wait(lock, all_closed);
    }
    work_.reset();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    {
      const std::scoped_lock lock(core_->mutex);
      core_->stopped = true;
    }
    // What application threads posted since: those hold references to the core, which would otherwise keep itself alive.
    core_->io.restart();
    core_->io.poll();
    core_->handler = nullptr;
    core_->options.answer_to_head = nullptr;
  }

 private:
  static void post(const std::weak_ptr<Connection>& weak, void (Connection::*step)()) {
    if (const auto connection = weak.lock()) asio::post(connection->strand(), [connection, step] { (connection.get()->*step)(); });
  }

  const std::shared_ptr<ServerCore> core_;
  Listeners listeners_;
  const uint16_t port_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

}  // namespace

ServerCore::ServerCore(const HttpServerOptions& given, Registry& registry, HttpHandler handle)
    : options(given),
      metrics(registry),
      handler(std::move(handle)),
      bodies(given.max_total_body_bytes),
      io(std::max(given.threads, 1)),
      connections_gauge_(registry.gauge("ondol_http_connections", "Open HTTP connections.")) {}

void ServerCore::count_answer(int status) {
  constexpr const char* kName = "ondol_http_requests_total";
  constexpr const char* kHelp = "HTTP requests by the status of their answer; 499: the client left before one.";
  const size_t slot = status >= 0 && static_cast<size_t>(status) < requests_.size() ? static_cast<size_t>(status) : 0;
  Counter* counter = requests_[slot].load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &metrics.counter(kName, kHelp, {{"status", std::to_string(slot)}});
    requests_[slot].store(counter, std::memory_order_release);
  }
  counter->add();
}

ServerCore::Place ServerCore::add(const std::shared_ptr<Connection>& connection) {
  const std::scoped_lock lock(mutex);
  const bool over = connections.size() - refused >= options.max_connections;
  if (draining || (over && refused >= kRefusalReserve)) return Place::kFull;
  refused += over ? 1 : 0;
  connections.emplace(connection.get(), connection);
  connections_gauge_.set(static_cast<double>(connections.size()));
  return over ? Place::kRefused : Place::kServed;
}

void ServerCore::remove(Connection* connection, Place place) {
  const std::scoped_lock lock(mutex);
  connections.erase(connection);
  refused -= place == Place::kRefused ? 1 : 0;
  connections_gauge_.set(static_cast<double>(connections.size()));
  closed_one.notify_all();
}

void ServerCore::run(std::function<void()> callback) {
  {
    const std::scoped_lock lock(mutex);
    if (!stopped) {
      asio::post(io, std::move(callback));
      return;
    }
  }
  callback();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, Registry& metrics, HttpHandler handler) {
  const auto core = std::make_shared<ServerCore>(options, metrics, std::move(handler));
  if (!options.tls_certificate.empty() || !options.tls_key.empty()) {
    ONDOL_TRY(core->tls, TlsCertificate::load(options.tls_certificate, options.tls_key));
  }
  ONDOL_TRY(const auto endpoints, resolve(core->io, options));
  auto listeners = listen_on(core, endpoints);
  // Port 0: the one that the first address got may be taken on the second.
  for (int tries = 0; !listeners && options.port == 0 && tries < 8; ++tries) listeners = listen_on(core, endpoints);
  if (!listeners) return std::unexpected(std::move(listeners).error());
  return std::make_unique<Server>(core, std::move(*listeners));
}

}  // namespace ondol
