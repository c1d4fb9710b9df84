#include "net/async_client.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/thread_name.h"
#include "net/async_connection.h"
#include "net/async_loop.h"
#include "net/http_text.h"

namespace ondol {

AsyncLoop::AsyncLoop(const AsyncClientOptions& options, std::shared_ptr<ssl_ctx_st> tls, AsyncCounters& counters)
    : options_(options), tls_(std::move(tls)), counters_(counters) {
  thread_ = std::thread([this] {
    name_this_thread("ondol-client");
    io_.run();
  });
}

AsyncLoop::~AsyncLoop() {
  asio::post(io_, [this] { end_all(); });
  thread_.join();
}

void AsyncLoop::post(std::shared_ptr<AsyncCall> call) {
  asio::post(io_, [this, call = std::move(call)] { begin(call); });
}

void AsyncLoop::cancel(uint64_t id) {
  asio::post(io_, [this, id] {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    const std::shared_ptr<AsyncCall> call = found->second;
    if (call->connection != nullptr) call->connection->close();
    end(call, fail(Code::kCancelled, "the request was cancelled"));
  });
}

void AsyncLoop::begin(const std::shared_ptr<AsyncCall>& call) {
  calls_.emplace(call->id, call);
  const auto kept = idle_.find(call->origin);
  if (kept == idle_.end()) return open(call);
  const std::shared_ptr<UpstreamConnection> connection = std::move(kept->second.back());
  kept->second.pop_back();
  if (kept->second.empty()) idle_.erase(kept);
  --idle_count_;
  --counters_.idle;
  ++counters_.reused;
  connection->take(call);
}

void AsyncLoop::open(const std::shared_ptr<AsyncCall>& call) {
  ++counters_.opened;
  std::make_shared<UpstreamConnection>(*this, call->origin)->open(call);
}

void AsyncLoop::retry(const std::shared_ptr<AsyncCall>& call) {
  call->retried = true;
  ++counters_.retried;
  open(call);
}

void AsyncLoop::end(const std::shared_ptr<AsyncCall>& call, const Status& status) {
  if (calls_.erase(call->id) == 0) return;
  --counters_.in_flight;
  call->sink->on_end(status);
}

bool AsyncLoop::keep(const std::string& origin, const std::shared_ptr<UpstreamConnection>& connection) {
  if (idle_count_ >= options_.max_idle || options_.max_idle_per_origin == 0) return false;
  auto& kept = idle_[origin];
  if (kept.size() >= options_.max_idle_per_origin) return false;
  kept.push_back(connection);
  ++idle_count_;
  ++counters_.idle;
  return true;
}

void AsyncLoop::forget(const std::string& origin, const UpstreamConnection* connection) {
  const auto kept = idle_.find(origin);
  if (kept == idle_.end()) return;
  const size_t gone = std::erase_if(kept->second, [&](const auto& one) { return one.get() == connection; });
  if (kept->second.empty()) idle_.erase(kept);
  idle_count_ -= gone;
  counters_.idle -= gone;
}

void AsyncLoop::end_all() {
  for (const auto& [origin, kept] : idle_)
    for (const auto& connection : kept) connection->close();
  idle_.clear();
  while (!calls_.empty()) {
    const std::shared_ptr<AsyncCall> call = calls_.begin()->second;
    if (call->connection != nullptr) call->connection->close();
    end(call, fail(Code::kCancelled, "the client was stopped"));
  }
  io_.stop();  // a name that is being looked up would hold run() back
}

namespace {

class AsyncClientImpl final : public AsyncClient {
 public:
  explicit AsyncClientImpl(const AsyncClientOptions& options)
      : options_(options),
        tls_(make_client_tls({options.ca_file, options.client_certificate, options.client_key, options.insecure_skip_verify})) {
    if (options.insecure_skip_verify) {
      spdlog::warn("insecure_skip_verify: no server's certificate is checked, whoever is in between can read and change everything");
    }
    for (int i = 0; i < std::max(1, options.threads); ++i) {
      loops_.push_back(std::make_unique<AsyncLoop>(options_, tls_.value_or(nullptr), counters_));
    }
  }

  Result<uint64_t> send(AsyncRequest request, std::shared_ptr<HttpSink> sink) override {
    if (request.url.tls) ONDOL_TRY_STATUS(check_https());
    auto call = std::make_shared<AsyncCall>();
    const RequestHead head{request.method, request.url.target, request.url.authority(), request.body.size()};
    ONDOL_TRY_STATUS(append_request_head(call->head, head, request.headers));
    if (counters_.in_flight.fetch_add(1) >= options_.max_in_flight) {
      --counters_.in_flight;
      return fail(Code::kResourceExhausted, std::to_string(options_.max_in_flight) + " requests are in flight already; try again later");
    }
    const uint64_t id = ++last_id_;
    call->id = id;
    call->origin = (request.url.tls ? "https://" : "http://") + request.url.authority();
    call->request = std::move(request);
    call->sink = std::move(sink);
    loop_of(id).post(std::move(call));
    return id;
  }

  void cancel(uint64_t id) override { loop_of(id).cancel(id); }
  bool on_thread() const override {
    return std::ranges::any_of(loops_, [](const auto& loop) { return loop->on_thread(); });
  }
  Status check_https() const override {
    if (!tls_) return std::unexpected(tls_.error());
    return {};
  }
  AsyncClientStats stats() const override {
    return {counters_.opened, counters_.reused, counters_.retried, counters_.resumed, counters_.idle};
  }

 private:
  AsyncLoop& loop_of(uint64_t id) { return *loops_[id % loops_.size()]; }

  const AsyncClientOptions options_;
  const Result<std::shared_ptr<ssl_ctx_st>> tls_;
  AsyncCounters counters_;
  std::atomic<uint64_t> last_id_{0};
  std::vector<std::unique_ptr<AsyncLoop>> loops_;
};

}  // namespace

std::unique_ptr<AsyncClient> AsyncClient::start(const AsyncClientOptions& options) { return std::make_unique<AsyncClientImpl>(options); }

}  // namespace ondol
