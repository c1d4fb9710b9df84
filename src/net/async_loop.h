// Private to this room: one thread of an AsyncClient, with its requests and its kept connections.
//
// Owner: an AsyncClient. All of it belongs to the loop's thread but `post` and the counters.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/async_client.h"
#include "net/client_tls.h"

namespace ondol {

namespace asio = boost::asio;

class UpstreamConnection;

// One request on its way, from send to on_end.
struct AsyncCall {
  uint64_t id = 0;
  AsyncRequest request;
  std::shared_ptr<HttpSink> sink;
  std::string origin;  // "http://host:port"
  std::string head;    // the request's, as sent
  bool retried = false;
  UpstreamConnection* connection = nullptr;  // kept alive by its pending operations
};

// Of all loops of a client. Any thread.
struct AsyncCounters {
  std::atomic<uint64_t> in_flight{0}, opened{0}, reused{0}, retried{0}, resumed{0}, idle{0};
};

class AsyncLoop {
 public:
  // `tls`: null if there will be no https.
  AsyncLoop(const AsyncClientOptions& options, std::shared_ptr<ssl_ctx_st> tls, AsyncCounters& counters);
  ~AsyncLoop();

  // Any thread.
  void post(std::shared_ptr<AsyncCall> call);
  void cancel(uint64_t id);
  bool on_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  // For connections, on the loop's thread.
  const AsyncClientOptions& options() const { return options_; }
  asio::io_context& io() { return io_; }
  ssl_ctx_st& tls() { return *tls_; }
  ClientSessions& sessions() { return sessions_; }
  void count_resumed() { ++counters_.resumed; }
  void end(const std::shared_ptr<AsyncCall>& call, const Status& status);
  void retry(const std::shared_ptr<AsyncCall>& call);
  bool keep(const std::string& origin, const std::shared_ptr<UpstreamConnection>& connection);  // false: there is no place for it
  void forget(const std::string& origin, const UpstreamConnection* connection);

 private:
  void begin(const std::shared_ptr<AsyncCall>& call);
  void open(const std::shared_ptr<AsyncCall>& call);
  void end_all();

  const AsyncClientOptions options_;
  const std::shared_ptr<ssl_ctx_st> tls_;
  AsyncCounters& counters_;
  ClientSessions sessions_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unordered_map<uint64_t, std::shared_ptr<AsyncCall>> calls_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<UpstreamConnection>>> idle_;  // the last used at the back
  size_t idle_count_ = 0;
  std::thread thread_;
};

}  // namespace ondol
