#include "gateway/api.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <iterator>
#include <random>
#include <utility>

#include "base/version.h"
#include "door/door.h"
#include "gateway/api_state.h"
#include "gateway/openapi.h"
#include "gateway/responses_routes.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kModelsPath = "/v1/models", kEndpointsPath = "/ondol/endpoints";

HttpResponse json_response(const json::value& body) {
  HttpResponse response;
  response.body = json::serialize(body);
  return response;
}

json::object model_json(const ModelInfo& info) {
  json::object out;
  out["id"] = info.name;
  out["object"] = "model";
  out["created"] = info.created_unix_s;
  out["owned_by"] = "ondol";
  out["state"] = model_state_name(info.state);
  if (info.max_context > 0) out["max_model_len"] = info.max_context;
  if (!info.error.empty()) out["error"] = info.error;
  return out;
}

json::object model_json(const EmbeddingModel& model) {
  json::object out;
  out["id"] = model.name;
  out["object"] = "model";
  out["created"] = model.created_unix_s;
  out["owned_by"] = "ondol";
  out["state"] = model_state_name(ModelState::kReady);
  out["max_model_len"] = model.encoder->max_tokens();
  out["dimensions"] = model.encoder->dimensions();
  return out;
}

json::object model_json(const DoorModel& model, int64_t created_unix_s) {
  json::object out;
  out["id"] = model.name;
  out["object"] = "model";
  out["created"] = created_unix_s;
  out["owned_by"] = "ondol";
  out["state"] = model_state_name(model.ready ? ModelState::kReady : ModelState::kFailed);
  if (model.max_context) out["max_model_len"] = *model.max_context;
  return out;
}

HttpResponse text_response(std::string body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse version_response() {
  json::object body;
  body["version"] = kVersion;
  if (!kCommit.empty()) body["commit"] = kCommit;
  return json_response(body);
}

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
}

struct PostRoute {
  std::string_view path;
  CallKind kind;
};
constexpr PostRoute kPostRoutes[] = {
    {"/v1/chat/completions", CallKind::kChat}, {"/v1/completions", CallKind::kCompletion}, {"/v1/responses", CallKind::kResponses},
    {"/v1/embeddings", CallKind::kEmbeddings}, {"/v1/rerank", CallKind::kRerank},          {"/rerank", CallKind::kRerank},
    {"/tokenize", CallKind::kTokenize},        {"/detokenize", CallKind::kDetokenize},
};

bool is_get_path(std::string_view path) {
  constexpr std::string_view kPaths[] = {"/health", "/ready", "/metrics", "/version", "/openapi.json", kModelsPath, kEndpointsPath};
  if (std::ranges::find(kPaths, path) != std::end(kPaths)) return true;
  return path.starts_with("/v1/models/") && path.size() > kModelsPath.size() + 1;
}

}  // namespace

void respond_error(Exchange& exchange, const ApiError& error, const std::string& request_id) {
  HttpResponse response = error_response(error);
  response.headers.emplace_back("x-request-id", request_id);
  exchange.respond(std::move(response));
}

int64_t unix_now_s() { return static_cast<int64_t>(std::time(nullptr)); }

Api::State::State(ApiModels api_models, Registry& metrics, const ApiLimits& api_limits, AdmissionOptions admitted, Door* elsewhere)
    : limits(api_limits),
      admission(std::move(admitted)),
      registry(metrics),
      door(elsewhere),
      ids((static_cast<uint64_t>(std::random_device()()) << 32) | std::random_device()()),
      responses(std::make_shared<ResponsesStore>(ResponsesStore::Limits{}, clock)),
      embedding_models(std::move(api_models.embedding)),
      started_unix_s(unix_now_s()),
      workers(kPrepareThreads, kPrepareJobs, kPrepareBodies * api_limits.max_body_bytes),
      embedders(1, kEmbedJobs, kPrepareBodies * api_limits.max_body_bytes),
      models(std::make_unique<ModelPool>(std::move(api_models.chat), metrics, api_models.pool, clock)) {}

// First nobody asks for models any more, then those who wait for one are told, then the engines end.
Api::State::~State() {
  workers.stop();
  embedders.stop();
  models.reset();
}

void Api::State::route(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) {
  const HttpRequest& request = exchange->request();
  if (is_messages_path(request.path)) return take_messages(exchange, request_id);
  ApiResult<void> taken;
  ApiResult<HttpResponse> now;
  const auto post_route = std::ranges::find(kPostRoutes, std::string_view(request.path), &PostRoute::path);
  if (is_stored_response_path(request.path)) {
    now = stored_response(*responses, admission.owner(request), request);
  } else if (post_route != std::end(kPostRoutes)) {
    if (request.method != "POST") return respond_error(*exchange, method_not_allowed(request.method, request.path, "POST"), request_id);
    taken = accept(exchange, post_route->kind, request_id);
    if (!taken) respond_error(*exchange, taken.error(), request_id);
    return;
  } else if (!is_get_path(request.path)) {
    now = std::unexpected(not_found("There is nothing at " + quoted(request.path) + ".", "", "unknown_url"));
  } else if (request.method != "GET") {
    now = std::unexpected(method_not_allowed(request.method, request.path, "GET"));
  } else {
    now = get(request);
  }
  if (!now) return respond_error(*exchange, now.error(), request_id);
  now->headers.emplace_back("x-request-id", request_id);
  exchange->respond(std::move(*now));
}

ApiResult<HttpResponse> Api::State::get(const HttpRequest& request) {
  const std::string& path = request.path;
  if (path == "/health") return text_response(R"({"status":"ok"})");
  if (path == "/ready") return ready ? text_response(R"({"status":"ready"})") : text_response(R"({"status":"not ready"})", 503);
  if (path == "/version") return version_response();
  if (path == "/openapi.json") {
    HttpResponse response;
    OpenApiModels names;
    for (const ModelInfo& info : models->list()) names.chat.push_back(info.name);
    for (const EmbeddingModel& model : embedding_models) names.embedding.push_back(model.name);
    if (door != nullptr) {
      for (const DoorModel& model : door->models()) names.chat.push_back(model.name);
    }
    response.body = openapi_json(names);
    return response;
  }
  if (path == "/metrics") return metrics_page();
  if (path == kEndpointsPath) return list_endpoints();
  return list_models(path == kModelsPath ? std::string_view() : std::string_view(path).substr(kModelsPath.size() + 1));
}

ApiResult<HttpResponse> Api::State::list_models(std::string_view id) const {
  json::array data;
  std::string names;
  const auto add = [&](json::object model, const std::string& name) {
    names += (names.empty() ? "" : ", ") + quoted(name);
    if (id.empty() || id == name) data.push_back(std::move(model));
  };
  for (const ModelInfo& info : models->list()) add(model_json(info), info.name);
  for (const EmbeddingModel& model : embedding_models) add(model_json(model), model.name);
  if (door != nullptr) {
    for (const DoorModel& model : door->models()) add(model_json(model, started_unix_s), model.name);
  }
  if (id.empty()) return json_response({{"object", "list"}, {"data", std::move(data)}});
  if (!data.empty()) return json_response(data.front());
  return std::unexpected(
      not_found("The model " + quoted(id) + " does not exist; this server has " + names + ".", "model", "model_not_found"));
}

HttpResponse Api::State::list_endpoints() const {
  json::array data;
  for (const DoorListing& listing : door == nullptr ? std::vector<DoorListing>() : door->endpoints()) {
    json::object& out = data.emplace_back(json::object()).as_object();
    out["name"] = listing.name;
    out["kind"] = endpoint_kind_name(listing.kind);
    out["state"] = endpoint_state_name(listing.state);
    if (!listing.reason.empty()) out["reason"] = listing.reason;
    if (!listing.process.empty()) out["process"] = listing.process;
    out["in_flight"] = listing.in_flight;
    out["models"] = json::array(listing.models.begin(), listing.models.end());
    out["devices"] = json::array(listing.devices.begin(), listing.devices.end());
  }
  return json_response({{"object", "list"}, {"data", std::move(data)}});
}

HttpResponse Api::State::metrics_page() {
  models->update_metrics();
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = registry.render();
  return response;
}

// Runs a job on a worker; what it fails with is the answer. False if there is no place for it.
bool Api::State::post(WorkerPool& pool, const Call& call, size_t bytes, std::function<ApiResult<void>()> job) {
  return pool.post(
      [call, job = std::move(job)] {
        if (!call.exchange->connected()) return;
        const ApiResult<void> done = guarded(job);
        if (!done) respond_error(*call.exchange, done.error(), call.request_id);
      },
      bytes);
}

ApiResult<void> Api::State::accept(const std::shared_ptr<Exchange>& exchange, Kind kind, const std::string& request_id) {
  const HttpRequest& request = exchange->request();
  if (!ready) return std::unexpected(not_ready());
  const std::string_view content_type = find_header(request.headers, "content-type");
  if (!content_type.empty() && !is_json(content_type)) return std::unexpected(unsupported_media_type(content_type));
  if (door != nullptr && door->take(exchange, request_id)) return {};
  const Call call{exchange, kind, request_id, clock.now_us()};
  if (reads_at_once(call)) return perform_at_once(call);
  WorkerPool& pool = kind == Kind::kEmbeddings || kind == Kind::kRerank ? embedders : workers;
  if (post(pool, call, request.body.size(), [this, call] { return perform(call); })) return {};
  return std::unexpected(overloaded("Too many requests wait to be read; try again in a second."));
}

Api::Api(ApiModels models, Registry& metrics, const ApiLimits& limits, AdmissionOptions admission, Door* door)
    : state_(std::make_shared<State>(std::move(models), metrics, limits, std::move(admission), door)) {}

Api::~Api() = default;

std::string Api::State::request_id(const HttpRequest& request) {
  std::string given = sane_request_id(find_header(request.headers, "x-request-id"));
  return given.empty() ? ids.name("req_") : given;
}

std::optional<HttpResponse> Api::answer_to_head(const HttpRequest& head) {
  using Answer = ApiResult<std::optional<HttpResponse>>;
  Answer answer = guarded([&]() -> Answer { return state_->admission.answer_to_head(head, state_->request_id(head)); });
  return answer ? std::move(*answer) : error_response(answer.error());
}

void Api::handle(std::shared_ptr<Exchange> exchange) {
  const std::string request_id = state_->request_id(exchange->request());
  const ApiResult<void> done = guarded([&]() -> ApiResult<void> {
    if (const auto admitted = state_->admission.admit(exchange, request_id)) state_->route(admitted, request_id);
    return {};
  });
  if (!done) respond_error(*exchange, done.error(), request_id);
}

void Api::preload(const std::string& name, std::function<void(Status)> then) {
  state_->models->acquire(
      name, [then = std::move(then)](const Result<ModelLease>& model) { then(model ? Status{} : Status(std::unexpected(model.error()))); });
}

void Api::set_ready(bool ready) { state_->ready = ready; }

}  // namespace ondol
