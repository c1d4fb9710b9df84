// What the parts of Api share; not for other rooms.
//
// Owner: Api. `handle` on HTTP threads, `generate` on the pool's threads. Bounded: kPreparing requests wait to be parsed.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/api.h"
#include "gateway/api_error.h"
#include "gateway/generation.h"
#include "gateway/ids.h"
#include "gateway/model_metrics.h"
#include "gateway/pump.h"
#include "gateway/request_common.h"
#include "gateway/worker_pool.h"

namespace ondol {

struct Api::State {
  // Parsing is memory-bound work of a few milliseconds: two threads keep a short request from waiting behind one long one. Bodies that
  // wait are bounded by their sum, eight of the largest.
  static constexpr int kPrepareThreads = 2;
  static constexpr size_t kPrepareJobs = 1024;
  static constexpr size_t kPrepareBodies = 8;

  struct Entry {
    ServedModel served;
    std::shared_ptr<EngineGate> gate;
    std::shared_ptr<ModelMetrics> metrics;
    std::string fingerprint;
  };
  enum class Kind { kChat, kCompletion };
  // A request that its model can take.
  struct Prepared {
    const Entry* entry = nullptr;
    CommonRequest common;
    GenerateRequest generate;
  };

  State(std::vector<ServedModel> models, Registry& metrics, const ApiLimits& limits, AdmissionOptions admission);
  ~State();

  void route(const std::shared_ptr<Exchange>& exchange, const std::string& request_id);
  ApiResult<HttpResponse> get(const HttpRequest& request);
  ApiResult<HttpResponse> models(std::string_view id) const;
  HttpResponse metrics_page();
  ApiResult<void> accept(const std::shared_ptr<Exchange>& exchange, Kind kind, const std::string& request_id);

  ApiResult<Prepared> prepare(Kind kind, std::string_view body);
  // Prepares and submits; on an error nothing was answered.
  ApiResult<void> generate(const std::shared_ptr<Exchange>& exchange, Kind kind, HttpHeaders headers, int64_t received_us);
  ApiResult<const Entry*> find(const std::string& model) const;

  const ApiLimits limits;
  const Admission admission;
  Registry& registry;
  std::vector<Entry> entries;
  std::atomic<bool> ready = false;
  SteadyClock clock;
  IdSource ids;
  std::shared_ptr<Pump> pump;
  WorkerPool pool;
};

// Answers with the error, under the request's id.
void respond_error(Exchange& exchange, const ApiError& error, const std::string& request_id);

// Calls f and turns an exception (memory, or a bug) into an error: nothing is thrown at the HTTP server or out of a thread.
template <class F>
auto guarded(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::exception& e) {
    return std::unexpected(to_api_error({Code::kInternal, std::string("The request failed inside the server: ") + e.what()}));
  }
}

}  // namespace ondol
