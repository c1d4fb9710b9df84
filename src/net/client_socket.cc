#include "net/client_socket.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "net/client_tls.h"

namespace ondol {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kStopInterval = std::chrono::milliseconds(100);

}  // namespace

struct ClientSocket::Impl {
  // Runs one started operation to its end. When time is up or `stop` is raised the socket is closed, which ends it.
  Status complete(const std::optional<error_code>& result, Deadline deadline, std::string_view doing) {
    io.restart();
    while (!result) {
      const auto now = std::chrono::steady_clock::now();
      const bool stopped = stop != nullptr && stop->load();
      if (stopped || now >= deadline) {
        error_code ignored;
        resolver.cancel();
        socket.close(ignored);
        io.restart();
        while (!result) io.run_one();
        if (stopped) return fail(Code::kCancelled, "stopped while " + std::string(doing));
        return fail(Code::kDeadlineExceeded, "no answer in time while " + std::string(doing));
      }
      auto slice = std::min<std::chrono::steady_clock::duration>(deadline - now, std::chrono::hours(1));
      if (stop != nullptr) slice = std::min<std::chrono::steady_clock::duration>(slice, kStopInterval);
      io.run_one_for(slice);
      if (io.stopped() && !result) io.restart();
    }
    return {};
  }

  const std::atomic<bool>* stop = nullptr;
  asio::io_context io{1};
  tcp::resolver resolver{io};
  tcp::socket socket{io};
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
  std::string name;  // "host:port", for messages
};

ClientSocket::ClientSocket(const std::atomic<bool>* stop) : impl_(std::make_unique<Impl>()) { impl_->stop = stop; }
ClientSocket::~ClientSocket() = default;

Status ClientSocket::connect(const std::string& host, uint16_t port, Deadline deadline) {
  Impl& impl = *impl_;
  impl.name = host + ":" + std::to_string(port);
  std::vector<tcp::endpoint> endpoints;
  std::optional<error_code> result;
  impl.resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                              [&](const error_code& ec, const tcp::resolver::results_type& found) {
                                for (const auto& entry : found) endpoints.push_back(entry.endpoint());
                                result = ec;
                              });
  ONDOL_TRY_STATUS(impl.complete(result, deadline, "looking up " + quoted(host)));
  if (*result)
    return fail(Code::kUnavailable, "cannot find the host " + quoted(host) + ": " + result->message() + "; check the name and the network");
  Status last = fail(Code::kUnavailable, "the host " + quoted(host) + " has no address");
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const auto now = std::chrono::steady_clock::now();
    error_code ignored;
    impl.socket.close(ignored);
    result.reset();
    impl.socket.async_connect(endpoints[i], [&](const error_code& ec) { result = ec; });
    last = impl.complete(result, now + (deadline - now) / static_cast<int64_t>(endpoints.size() - i), "connecting to " + impl.name);
    if (!last) {
      if (last.error().code == Code::kCancelled) return last;
      continue;
    }
    if (!*result) {
      impl.socket.set_option(tcp::no_delay(true), ignored);
      return {};
    }
    last = fail(Code::kUnavailable, "cannot connect to " + impl.name + ": " + result->message());
  }
  return last;
}

Status ClientSocket::start_tls(const std::string& host, Deadline deadline) {
  Impl& impl = *impl_;
  ONDOL_TRY(const auto context, make_client_tls({}));
  impl.tls.emplace(impl.socket, new_client_tls(*context, host));
  std::optional<error_code> result;
  impl.tls->async_handshake(asio::ssl::stream_base::client, [&](const error_code& done) { result = done; });
  ONDOL_TRY_STATUS(impl.complete(result, deadline, "setting up TLS with " + impl.name));
  if (!*result) return {};
  return fail(Code::kUnavailable,
              "cannot set up TLS with " + impl.name + ": " +
                  handshake_problem(*impl.tls->native_handle(), host, *result,
                                    "if a proxy signs with an authority of its own, name its certificate in SSL_CERT_FILE"));
}

Status ClientSocket::write(std::string_view bytes, int idle_timeout_s) {
  Impl& impl = *impl_;
  while (!bytes.empty()) {
    std::optional<error_code> result;
    size_t written = 0;
    const auto done = [&](const error_code& ec, size_t n) {
      written = n;
      result = ec;
    };
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    if (impl.tls) {
      impl.tls->async_write_some(buffer, done);
    } else {
      impl.socket.async_write_some(buffer, done);
    }
    ONDOL_TRY_STATUS(impl.complete(result, seconds_from_now(idle_timeout_s), "sending to " + impl.name));
    if (*result) return fail(Code::kDataLoss, "the connection to " + impl.name + " broke while sending: " + result->message());
    bytes.remove_prefix(written);
  }
  return {};
}

Result<size_t> ClientSocket::read(char* into, size_t capacity, Deadline deadline) {
  Impl& impl = *impl_;
  std::optional<error_code> result;
  size_t received = 0;
  const auto done = [&](const error_code& ec, size_t n) {
    received = n;
    result = ec;
  };
  const asio::mutable_buffer buffer(into, capacity);
  if (impl.tls) {
    impl.tls->async_read_some(buffer, done);
  } else {
    impl.socket.async_read_some(buffer, done);
  }
  ONDOL_TRY_STATUS(impl.complete(result, deadline, "waiting for " + impl.name));
  if (*result == asio::error::eof) return 0;
  if (*result) return fail(Code::kDataLoss, "the connection to " + impl.name + " broke: " + result->message());
  return received;
}

}  // namespace ondol
