#include "gateway/openapi.h"

#include <boost/json.hpp>
#include <utility>

#include "base/version.h"
#include "gateway/openapi_schema.h"

namespace ondol {
namespace openapi {
namespace {

namespace json = boost::json;

json::object error_answer(std::string_view description) { return {{"description", description}, {"content", json_content(ref("Error"))}}; }

Schema error_schema() {
  Schema properties;
  properties["message"] = text("What is wrong and what to do.");
  properties["type"] = text();
  properties["param"] = nullable(text("The field that is wrong."));
  properties["code"] = nullable(text());
  Schema outer;
  outer["error"] = object(std::move(properties), {"message", "type", "param", "code"});
  return object(std::move(outer), {"error"});
}

Schema model_schema() {
  Schema properties;
  properties["id"] = text();
  properties["object"] = word({"model"});
  properties["created"] = integer(0, INT64_MAX, "Unix seconds.");
  properties["owned_by"] = text();
  properties["max_model_len"] = integer(1, kMaxInt32, "Tokens of one conversation.");
  return object(std::move(properties), {"id", "object", "created", "owned_by"});
}

json::object id_parameter() { return {{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", text(1, 512)}}; }

json::object service(std::string_view id, std::string_view summary, Schema answer) {
  json::object get = operation(id, summary, {}, json_content(std::move(answer)));
  get["security"] = json::array{json::object()};
  return {{"get", std::move(get)}};
}

Schema status_schema(std::initializer_list<std::string_view> states) {
  Schema properties;
  properties["status"] = word(states);
  return object(std::move(properties), {"status"});
}

json::object security_schemes() {
  json::object out;
  out["bearer"] = json::object{{"type", "http"}, {"scheme", "bearer"}, {"description", "A key of `ondol key create`."}};
  out["header"] = json::object{{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}};
  return out;
}

// Which of the models each body may name.
struct NamedModels {
  std::string_view schema;
  bool chat, embedding;
};
constexpr NamedModels kNamedModels[] = {
    {"ChatRequest", true, false},     {"CompletionRequest", true, false}, {"ResponsesRequest", true, false},
    {"TokenizeRequest", true, false}, {"DetokenizeRequest", true, false}, {"EmbeddingsRequest", false, true},
    {"RerankRequest", true, true},    {"MessagesRequest", true, false},   {"CountTokensRequest", true, false},
};

// An empty enum would be no valid schema.
void name_models(Schema& schema, const OpenApiModels& models, bool chat, bool embedding) {
  json::array names;
  const auto add = [&names](const std::vector<std::string>& some) {
    for (const std::string& name : some) names.emplace_back(name);
  };
  if (chat) add(models.chat);
  if (embedding) add(models.embedding);
  if (!names.empty()) schema["enum"] = std::move(names);
}

json::object document(const OpenApiModels& models) {
  json::object paths, schemas;
  schemas["Error"] = error_schema();
  add_service_paths(paths, schemas);
  add_chat_path(paths, schemas);
  add_completion_path(paths, schemas);
  add_responses_path(paths, schemas);
  add_embeddings_path(paths, schemas);
  add_rerank_path(paths, schemas);
  add_tokenize_paths(paths, schemas);
  add_messages_paths(paths, schemas);
  for (const NamedModels& named : kNamedModels) {
    name_models(schemas.at(named.schema).at("properties").at("model").as_object(), models, named.chat, named.embedding);
  }
  name_models(paths.at("/v1/models/{id}").at("get").at("parameters").at(0).at("schema").as_object(), models, true, true);
  json::object out;
  out["openapi"] = "3.1.0";
  out["info"] =
      json::object{{"title", "Ondol"},
                   {"version", kVersion},
                   {"description", "Large language models behind an OpenAI-compatible API. A request of more than 32 MiB is refused."},
                   {"license", json::object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  out["servers"] = json::array{json::object{{"url", "/"}}};
  // A key or none: whether one is needed depends on how the server was started, and on where the client is.
  out["security"] = json::array{json::object(), json::object{{"bearer", json::array()}}, json::object{{"header", json::array()}}};
  out["paths"] = std::move(paths);
  out["components"] = json::object{{"schemas", std::move(schemas)}, {"securitySchemes", security_schemes()}};
  return out;
}

}  // namespace

json::object json_content(json::object schema) { return {{"application/json", json::object{{"schema", std::move(schema)}}}}; }

json::object operation(std::string_view id, std::string_view summary, json::object request, json::object answers) {
  json::object out{{"operationId", id}, {"summary", summary}};
  if (!request.empty()) {
    out["requestBody"] = json::object{{"required", true}, {"content", json_content(std::move(request))}};
  }
  json::object responses;
  responses["200"] = json::object{{"description", "Done."}, {"content", std::move(answers)}};
  responses["4XX"] = error_answer("The request is wrong, or not allowed (401, 403), or too many are waiting (429).");
  responses["5XX"] = error_answer("The server is starting or draining (503), or failed.");
  out["responses"] = std::move(responses);
  return out;
}

void add_service_paths(json::object& paths, json::object& schemas) {
  schemas["Model"] = model_schema();
  paths["/health"] = service("health", "Whether the process is alive", status_schema({"ok", "loading"}));
  paths["/ready"] = service("ready", "Whether it takes requests: 503 while models load and while it drains", status_schema({"ready"}));
  paths["/ready"].at("get").at("responses").as_object()["503"] =
      json::object{{"description", "Not now."}, {"content", json_content(any_of({status_schema({"not ready"}), ref("Error")}))}};
  Schema version{{"version", text()}, {"commit", text()}};
  paths["/version"] = json::object{{"get", operation("version", "What runs", {}, json_content(object(std::move(version), {"version"})))}};
  json::object figures{{"text/plain", json::object{{"schema", text("Prometheus text format.")}}}};
  paths["/metrics"] = json::object{{"get", operation("metrics", "Figures for Prometheus", {}, std::move(figures))}};
  paths["/openapi.json"] =
      json::object{{"get", operation("openapi", "This document", {}, json_content(object({}, {"openapi", "info", "paths"})))}};
  Schema list{{"object", word({"list"})}, {"data", array(ref("Model"))}};
  paths["/v1/models"] = json::object{
      {"get", operation("listModels", "The models that are served", {}, json_content(object(std::move(list), {"object", "data"})))}};
  json::object one = operation("retrieveModel", "One model", {}, json_content(ref("Model")));
  one["parameters"] = json::array{id_parameter()};
  paths["/v1/models/{id}"] = json::object{{"get", std::move(one)}};
  Schema endpoint{{"name", text()}, {"kind", text()}, {"state", word({"unknown", "ready", "not ready", "down"})}};
  Schema endpoints{{"object", word({"list"})}, {"data", array(object(std::move(endpoint), {"name", "kind", "state"}))}};
  paths["/ondol/endpoints"] = json::object{{"get", operation("listEndpoints", "The engines behind the door", {},
                                                             json_content(object(std::move(endpoints), {"object", "data"})))}};
}

}  // namespace openapi

std::string openapi_json(const OpenApiModels& models) { return boost::json::serialize(openapi::document(models)); }

}  // namespace ondol
