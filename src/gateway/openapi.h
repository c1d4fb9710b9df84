// The OpenAPI 3.1 document of everything the server answers, with the models it has: what GET /openapi.json gives to client generators
// and to tests.
//
// Pure; any thread. The limits in it are those that the parsers enforce (chat_request, request_common, completion_request).
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

// The names that a request may give as its model; a kind without any leaves its `model` any text.
struct OpenApiModels {
  std::vector<std::string> chat, embedding;
};

// Made anew with every call, in about a millisecond.
std::string openapi_json(const OpenApiModels& models);

// Its parts, each in a file of its own: `paths` and `schemas` (components/schemas) are added to.
namespace openapi {

// One operation. `request` is the schema of a JSON body, empty for none; `answers` is a content map: {"application/json": {schema}}.
boost::json::object operation(std::string_view id, std::string_view summary, boost::json::object request, boost::json::object answers);
boost::json::object json_content(boost::json::object schema);

void add_service_paths(boost::json::object& paths,
                       boost::json::object& schemas);  // /health /ready /metrics /version /v1/models /ondol/endpoints
void add_chat_path(boost::json::object& paths, boost::json::object& schemas);        // /v1/chat/completions
void add_completion_path(boost::json::object& paths, boost::json::object& schemas);  // /v1/completions
void add_generation_fields(boost::json::object& properties);                         // of the bodies of both

void add_embeddings_path(boost::json::object& paths, boost::json::object& schemas);  // /v1/embeddings
void add_rerank_path(boost::json::object& paths, boost::json::object& schemas);      // /v1/rerank
void add_responses_path(boost::json::object& paths, boost::json::object& schemas);   // /v1/responses
void add_tokenize_paths(boost::json::object& paths, boost::json::object& schemas);   // /tokenize /detokenize
void add_messages_paths(boost::json::object& paths, boost::json::object& schemas);   // /v1/messages /v1/messages/count_tokens

}  // namespace openapi
}  // namespace ondol
