#include <boost/json.hpp>
#include <utility>

#include "gateway/api_state.h"
#include "gateway/embeddings_response.h"
#include "gateway/tokenize.h"

namespace ondol {

namespace json = boost::json;

ApiResult<void> Api::State::respond_json(const Call& call, ApiResult<json::value> body) {
  if (!body) return std::unexpected(body.error());
  HttpResponse response;
  response.headers.emplace_back("x-request-id", call.request_id);
  response.body = json::serialize(*body);
  call.exchange->respond(std::move(response));
  return {};
}

ApiResult<void> Api::State::perform(const Call& call) {
  const std::string& text = call.exchange->request().body;
  if (call.kind == Kind::kEmbeddings) {
    const auto gone = [&] { return !call.exchange->connected(); };
    ONDOL_TRY(HttpResponse response, answer_embeddings(embedding_models, text, json_limits(), gone));
    response.headers.emplace_back("x-request-id", call.request_id);
    call.exchange->respond(std::move(response));
    return {};
  }
  ONDOL_TRY(json::value parsed, parse_json(text, json_limits()));
  ONDOL_TRY(const std::string name, model_of(parsed));
  if (call.kind == Kind::kRerank && find_embedding_model(embedding_models, name)) return rerank(call, parsed);
  if (const ModelLease model = models->peek(name); model != nullptr) return with_model(call, model, parsed);
  // It has to be loaded first, or does not exist: a worker goes on when that is known.
  const auto body = std::make_shared<json::value>(std::move(parsed));
  models->acquire(name, [this, call, body](Result<ModelLease> model) {
    if (!model) {
      ApiError error = to_api_error(model.error());
      if (model.error().code == Code::kNotFound) error = not_found(model.error().message, "model", "model_not_found");
      return respond_error(*call.exchange, error, call.request_id);
    }
    if (post(workers, call, 0, [this, call, body, lease = std::move(*model)] { return with_model(call, lease, *body); })) return;
    respond_error(*call.exchange, overloaded("Too many requests wait to be read; try again in a second."), call.request_id);
  });
  return {};
}

ApiResult<void> Api::State::with_model(const Call& call, const ModelLease& model, const json::value& body) {
  switch (call.kind) {
    case Kind::kTokenize: return respond_json(call, tokenize_body(model->served, body, model->control_names, unix_now_s()));
    case Kind::kDetokenize: return respond_json(call, detokenize_body(model->served, body));
    case Kind::kRerank: return rerank(call, model, body);
    case Kind::kResponses: return respond(call, model, body);
    default: return generate(call, model, body);
  }
}

}  // namespace ondol
