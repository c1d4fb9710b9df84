#include <boost/json.hpp>
#include <utility>

#include "gateway/api_state.h"
#include "gateway/chat_rerank.h"
#include "gateway/rerank_response.h"

namespace ondol {
namespace {

namespace json = boost::json;

HttpResponse ranked(const RerankRequest& request, const std::vector<double>& scores, size_t tokens) {
  std::vector<RerankResult> results;
  results.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) results.push_back({i, scores[i]});
  return embedding_response(rerank_json(request, best_first(std::move(results), request.top_n), tokens), request.ignored);
}

}  // namespace

ApiResult<void> Api::State::rerank(const Call& call, const json::value& body) {
  ONDOL_TRY(HttpResponse response, answer_rerank(embedding_models, body, [&] { return !call.exchange->connected(); }));
  response.headers.emplace_back("x-request-id", call.request_id);
  call.exchange->respond(std::move(response));
  return {};
}

ApiResult<void> Api::State::rerank(const Call& call, const ModelLease& model, const json::value& body) {
  ONDOL_TRY(RerankRequest parsed, parse_rerank_request(body));
  ONDOL_TRY(RerankPrompts prompts, rerank_prompts(model->served, parsed, model->control_names, unix_now_s()));
  const auto request = std::make_shared<const RerankRequest>(std::move(parsed));
  const size_t tokens = prompts.tokens;
  // On the step thread; the answer of 2048 documents is written on a worker.
  auto take = [this, call, request, tokens](Result<std::vector<double>> scores) {
    if (!scores) {
      if (call.exchange->connected()) respond_error(*call.exchange, to_api_error(scores.error()), call.request_id);
      return;
    }
    const auto answer = [call, request, tokens, all = std::move(*scores)]() -> ApiResult<void> {
      HttpResponse response = ranked(*request, all, tokens);
      response.headers.emplace_back("x-request-id", call.request_id);
      call.exchange->respond(std::move(response));
      return {};
    };
    if (post(workers, call, 0, answer)) return;
    respond_error(*call.exchange, overloaded("Too many requests wait to be answered; try again in a second."), call.request_id);
  };
  const auto rerank = std::make_shared<ChatRerank>(model, std::move(prompts), std::move(take));
  call.exchange->on_disconnect([weak = std::weak_ptr(rerank)] {
    if (const auto alive = weak.lock(); alive != nullptr) alive->cancel();
  });
  if (const Status started = rerank->start(); !started) return std::unexpected(to_api_error(started.error()));
  return {};
}

}  // namespace ondol
