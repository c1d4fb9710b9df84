#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "door/door.h"
#include "gateway/api_state.h"
#include "gateway/embeddings_response.h"
#include "gateway/tokenize.h"

namespace ondol {

namespace json = boost::json;

namespace {

// What has to be compiled to a grammar first.
bool asks_for_a_form(const json::value& body) {
  constexpr std::string_view kKeys[] = {"tools",       "functions",    "response_format", "structured_outputs",
                                        "guided_json", "guided_regex", "guided_choice"};
  const json::object* object = body.if_object();
  if (object == nullptr) return false;
  return std::ranges::any_of(kKeys, [&](std::string_view key) { return object->contains(key); });
}

}  // namespace

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
  when_loaded(call, name, std::move(parsed));
  return {};
}

bool Api::State::reads_at_once(const Call& call) const {
  const bool short_work =
      call.kind == Kind::kChat || call.kind == Kind::kCompletion || call.kind == Kind::kTokenize || call.kind == Kind::kDetokenize;
  return short_work && call.exchange->request().body.size() <= kReadAtOnce;
}

// As perform, on the HTTP thread, up to the point where it might take long.
ApiResult<void> Api::State::perform_at_once(const Call& call) {
  ONDOL_TRY(json::value parsed, parse_json(call.exchange->request().body, json_limits()));
  ONDOL_TRY(const std::string name, model_of(parsed));
  const ModelLease model = models->peek(name);
  if (model == nullptr) {
    when_loaded(call, name, std::move(parsed));
  } else if (asks_for_a_form(parsed)) {
    hand_on(call, model, std::make_shared<json::value>(std::move(parsed)));
  } else {
    return with_model(call, model, parsed);
  }
  return {};
}

// The model has to be loaded first, or does not exist: a worker goes on when that is known.
void Api::State::when_loaded(const Call& call, const std::string& name, json::value parsed) {
  const auto body = std::make_shared<json::value>(std::move(parsed));
  models->acquire(name, [this, call, body](const Result<ModelLease>& model) {
    if (model) return hand_on(call, *model, body);
    ApiError error = to_api_error(model.error());
    if (model.error().code == Code::kNotFound) error = not_found(model.error().message + elsewhere(), "model", "model_not_found");
    respond_error(*call.exchange, error, call.request_id);
  });
}

// What the door has, for who asks for a model that nobody has.
std::string Api::State::elsewhere() const {
  std::string names;
  for (const DoorModel& model : door == nullptr ? std::vector<DoorModel>() : door->models()) {
    names += (names.empty() ? "" : ", ") + quoted(model.name);
  }
  if (door == nullptr) return {};
  return names.empty() ? " No endpoint is ready; see GET /ondol/endpoints."
                       : " Its endpoints have " + names + "; GET /ondol/endpoints tells of those that are not ready.";
}

void Api::State::hand_on(const Call& call, const ModelLease& model, const std::shared_ptr<json::value>& body) {
  if (post(workers, call, 0, [this, call, body, model] { return with_model(call, model, *body); })) return;
  respond_error(*call.exchange, overloaded("Too many requests wait to be read; try again in a second."), call.request_id);
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
