// What the parts of Api share; not for other rooms.
//
// Owner: Api. `route` on HTTP threads, `perform` and what it calls on the workers' threads, mostly (see kReadAtOnce). Bounded: kPrepareJobs
// requests wait to be parsed.
#pragma once

#include <atomic>
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "endpoint/api_error.h"
#include "gateway/api.h"
#include "gateway/constraint.h"
#include "gateway/generation.h"
#include "gateway/ids.h"
#include "gateway/json_scan.h"
#include "gateway/request_common.h"
#include "gateway/responses_store.h"
#include "gateway/worker_pool.h"

namespace ondol {

enum class CallKind { kChat, kCompletion, kResponses, kTokenize, kDetokenize, kEmbeddings, kRerank };

struct Api::State {
  // Parsing is memory-bound work of a few milliseconds: two threads keep a short request from waiting behind one long one. Bodies that
  // wait are bounded by their sum, eight of the largest.
  static constexpr int kPrepareThreads = 2;
  static constexpr size_t kPrepareJobs = 1024;
  static constexpr size_t kPrepareBodies = 8;
  // A body so small is read on the HTTP thread: that is cheaper than waking another one.
  static constexpr size_t kReadAtOnce = 4 << 10;
  // Embedding takes all CPUs for up to a minute: it has a thread of its own, so that chats are read meanwhile.
  static constexpr size_t kEmbedJobs = 64;

  using Kind = CallKind;
  // A request on its way through the workers.
  struct Call {
    std::shared_ptr<Exchange> exchange;
    Kind kind;
    std::string request_id;
    int64_t received_us;
  };
  // One that its model can take, in the form of a chat or a completion.
  struct Prepared {
    CommonRequest common;
    GenerateRequest generate;
    AnswerSyntax syntax;
    std::string echo;  // what the answer begins with
  };

  State(ApiModels models, Registry& metrics, const ApiLimits& limits, AdmissionOptions admission, Door* door);
  ~State();

  // The client's own if it is fit to be repeated.
  std::string request_id(const HttpRequest& request);

  // api.cc: routes
  void route(const std::shared_ptr<Exchange>& exchange, const std::string& request_id);
  ApiResult<HttpResponse> get(const HttpRequest& request);
  ApiResult<HttpResponse> list_models(std::string_view id) const;
  HttpResponse list_endpoints() const;
  HttpResponse metrics_page();
  ApiResult<void> accept(const std::shared_ptr<Exchange>& exchange, Kind kind, const std::string& request_id);
  bool post(WorkerPool& workers, const Call& call, size_t bytes, std::function<ApiResult<void>()> job);

  // api_messages.cc: Anthropic's Messages API; answers in any case
  void take_messages(const std::shared_ptr<Exchange>& exchange, const std::string& request_id);
  ApiResult<void> turn_messages(const std::shared_ptr<Exchange>& exchange, const std::string& request_id);

  // api_perform.cc: what a worker does, or the HTTP thread for a small request
  ApiResult<void> perform(const Call& call);
  ApiResult<void> perform_at_once(const Call& call);
  bool reads_at_once(const Call& call) const;
  std::string elsewhere() const;
  void when_loaded(const Call& call, const std::string& name, boost::json::value parsed);
  void hand_on(const Call& call, const ModelLease& model, const std::shared_ptr<boost::json::value>& body);
  ApiResult<void> with_model(const Call& call, const ModelLease& model, const boost::json::value& body);
  ApiResult<void> respond_json(const Call& call, ApiResult<boost::json::value> body);

  // api_rerank.cc: documents ranked by vectors, or by a chat model
  ApiResult<void> rerank(const Call& call, const boost::json::value& body);
  ApiResult<void> rerank(const Call& call, const ModelLease& model, const boost::json::value& body);

  // api_generate.cc: answers of a model. On an error nothing was answered.
  ApiResult<Prepared> prepare(Kind kind, const ModelLease& model, const boost::json::value& body);
  ApiResult<void> bind(const ModelLease& model, const OutputConstraint& constraint, bool tools, GenerateRequest& request);
  ApiResult<void> generate(const Call& call, const ModelLease& model, const boost::json::value& body);
  ApiResult<void> respond(const Call& call, const ModelLease& model, const boost::json::value& body);
  GenerationSetup setup_of(const Call& call, const ModelLease& model, const Prepared& prepared);

  RequestLimits request_limits() const;
  JsonLimits json_limits() const { return {.max_bytes = limits.max_body_bytes, .max_depth = limits.max_json_depth}; }

  const ApiLimits limits;
  const Admission admission;
  Registry& registry;
  Door* const door;
  std::atomic<bool> ready = false;
  SteadyClock clock;
  IdSource ids;
  std::shared_ptr<ResponsesStore> responses;
  const std::vector<EmbeddingModel> embedding_models;
  const int64_t started_unix_s;
  WorkerPool workers, embedders;
  std::unique_ptr<ModelPool> models;
};

// /v1/messages and /v1/messages/count_tokens.
bool is_messages_path(std::string_view path);
// Answers with the error, under the request's id.
void respond_error(Exchange& exchange, const ApiError& error, const std::string& request_id);
int64_t unix_now_s();
// For the header x-ondol-ignored.
std::string join_names(const std::vector<std::string>& names);

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
