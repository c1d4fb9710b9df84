#include "gateway/api.h"

#include <boost/json.hpp>
#include <random>
#include <utility>

#include "base/version.h"
#include "gateway/api_state.h"
#include "gateway/openapi.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kModelsPath = "/v1/models";

HttpResponse json_response(const json::value& body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = json::serialize(body);
  return response;
}

json::object model_json(const ServedModel& served) {
  json::object out;
  out["id"] = served.name;
  out["object"] = "model";
  out["created"] = served.created_unix_s;
  out["owned_by"] = "ondol";
  out["max_model_len"] = served.engine->max_context();
  return out;
}

HttpResponse version_response() {
  json::object body;
  body["version"] = kVersion;
  if (!kCommit.empty()) body["commit"] = kCommit;
  return json_response(body);
}

// Changes when the same seed may give another answer: other weights, another program.
std::string fingerprint_of(const ServedModel& served) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    hash = (hash ^ 0xFF) * 1099511628211u;
  };
  add(kVersion);
  add(kCommit);
  add(served.model->format());
  add(served.model->quantization());
  add(std::to_string(served.model->file_bytes()));
  add(std::to_string(served.model->parameter_count()));
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "fp_";
  for (int shift = 36; shift >= 0; shift -= 4) out += kHex[(hash >> shift) & 15];
  return out;
}

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
}

const char* known_methods(std::string_view path) {
  if (path == "/v1/chat/completions" || path == "/v1/completions") return "POST";
  if (path == "/health" || path == "/ready" || path == "/metrics" || path == "/version" || path == "/openapi.json" || path == kModelsPath)
    return "GET";
  if (path.starts_with("/v1/models/") && path.size() > kModelsPath.size() + 1) return "GET";
  return nullptr;
}

}  // namespace

void respond_error(Exchange& exchange, const ApiError& error, const std::string& request_id) {
  HttpResponse response = error_response(error);
  response.headers.emplace_back("x-request-id", request_id);
  exchange.respond(std::move(response));
}

Api::State::State(std::vector<ServedModel> models, Registry& metrics, const ApiLimits& api_limits, AdmissionOptions admitted)
    : limits(api_limits),
      admission(std::move(admitted)),
      registry(metrics),
      ids((static_cast<uint64_t>(std::random_device()()) << 32) | std::random_device()()),
      pump(std::make_shared<Pump>()),
      pool(kPrepareThreads, kPrepareJobs, kPrepareBodies * api_limits.max_body_bytes) {
  for (ServedModel& served : models) {
    Entry entry;
    entry.gate = std::make_shared<EngineGate>(served.engine);
    entry.metrics = std::make_shared<ModelMetrics>(metrics, served.name);
    entry.fingerprint = fingerprint_of(served);
    entry.served = std::move(served);
    entries.push_back(std::move(entry));
  }
}

Api::State::~State() {
  pool.stop();
  for (Entry& entry : entries) entry.gate->close();
  pump->stop();
}

void Api::State::route(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) {
  const HttpRequest& request = exchange->request();
  const char* methods = known_methods(request.path);
  if (methods == nullptr) {
    const ApiError error = not_found("There is nothing at " + quoted(request.path) + ".", "", "unknown_url");
    return respond_error(*exchange, error, request_id);
  }
  if (request.method != methods) {
    return respond_error(*exchange, method_not_allowed(request.method, request.path, methods), request_id);
  }
  if (request.method == "GET") {
    ApiResult<HttpResponse> response = get(request);
    if (!response) return respond_error(*exchange, response.error(), request_id);
    response->headers.emplace_back("x-request-id", request_id);
    return exchange->respond(std::move(*response));
  }
  const Kind kind = request.path == "/v1/completions" ? Kind::kCompletion : Kind::kChat;
  const ApiResult<void> accepted = accept(exchange, kind, request_id);
  if (!accepted) respond_error(*exchange, accepted.error(), request_id);
}

ApiResult<HttpResponse> Api::State::get(const HttpRequest& request) {
  const std::string& path = request.path;
  if (path == "/health") return json_response({{"status", "ok"}});
  if (path == "/ready") return ready ? json_response({{"status", "ready"}}) : json_response({{"status", "not ready"}}, 503);
  if (path == "/version") return version_response();
  if (path == "/openapi.json") {
    HttpResponse response;
    response.body = openapi_json();
    return response;
  }
  if (path == "/metrics") return metrics_page();
  return models(path == kModelsPath ? std::string_view() : std::string_view(path).substr(kModelsPath.size() + 1));
}

ApiResult<HttpResponse> Api::State::models(std::string_view id) const {
  if (!id.empty()) {
    ONDOL_TRY(const Entry* entry, find(std::string(id)));
    return json_response(model_json(entry->served));
  }
  json::array data;
  for (const Entry& entry : entries) data.push_back(model_json(entry.served));
  return json_response({{"object", "list"}, {"data", std::move(data)}});
}

ApiResult<const Api::State::Entry*> Api::State::find(const std::string& model) const {
  std::string names;
  for (const Entry& entry : entries) {
    if (entry.served.name == model) return &entry;
    names += (names.empty() ? "" : ", ") + quoted(entry.served.name);
  }
  return std::unexpected(
      not_found("The model " + quoted(model) + " does not exist; this server has " + names + ".", "model", "model_not_found"));
}

HttpResponse Api::State::metrics_page() {
  for (Entry& entry : entries) entry.metrics->update(entry.served.engine->stats());
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = registry.render();
  return response;
}

ApiResult<void> Api::State::accept(const std::shared_ptr<Exchange>& exchange, Kind kind, const std::string& request_id) {
  const HttpRequest& request = exchange->request();
  if (!ready) return std::unexpected(not_ready());
  const std::string_view content_type = find_header(request.headers, "content-type");
  if (!content_type.empty() && !is_json(content_type)) return std::unexpected(unsupported_media_type(content_type));
  const int64_t received_us = clock.now_us();
  const auto job = [this, exchange, kind, request_id, received_us] {
    if (!exchange->connected()) return;
    const ApiResult<void> done = guarded([&] { return generate(exchange, kind, {{"x-request-id", request_id}}, received_us); });
    if (!done) respond_error(*exchange, done.error(), request_id);
  };
  if (!pool.post(job, request.body.size())) {
    return std::unexpected(overloaded("Too many requests wait to be read; try again in a second."));
  }
  return {};
}

Api::Api(std::vector<ServedModel> models, Registry& metrics, const ApiLimits& limits, AdmissionOptions admission)
    : state_(std::make_shared<State>(std::move(models), metrics, limits, std::move(admission))) {}

Api::~Api() = default;

void Api::handle(std::shared_ptr<Exchange> exchange) {
  std::string request_id = sane_request_id(find_header(exchange->request().headers, "x-request-id"));
  if (request_id.empty()) request_id = state_->ids.name("req_");
  const ApiResult<void> done = guarded([&]() -> ApiResult<void> {
    if (const auto admitted = state_->admission.admit(exchange, request_id)) state_->route(admitted, request_id);
    return {};
  });
  if (!done) respond_error(*exchange, done.error(), request_id);
}

void Api::set_ready(bool ready) { state_->ready = ready; }

}  // namespace ondol
