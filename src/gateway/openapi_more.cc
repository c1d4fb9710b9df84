// The paths beside chats and completions, in OpenAPI.
#include <boost/json.hpp>
#include <utility>

#include "gateway/openapi.h"
#include "gateway/openapi_schema.h"

namespace ondol::openapi {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxInputs = 2048;  // OpenAI's limit for one embeddings request

json::object post(json::object operation) { return {{"post", std::move(operation)}}; }

Schema prompt_usage_schema() {
  Schema properties{{"prompt_tokens", integer(0, kMaxInt32)}, {"total_tokens", integer(0, kMaxInt32)}};
  return object(std::move(properties), {"prompt_tokens", "total_tokens"});
}

Schema embeddings_request_schema() {
  const Schema ids = array(integer(0, kMaxInt32), 1, 1 << 24);
  Schema properties{{"model", text("One of GET /v1/models.")}, {"user", nullable(text())}};
  properties["input"] = any_of({text(1, 1 << 25), array(text(1, 1 << 25), 1, kMaxInputs), ids, array(ids, 1, kMaxInputs)});
  properties["encoding_format"] = nullable(word({"float", "base64"}));
  properties["dimensions"] = nullable(integer(1, kMaxInt32));
  return object(std::move(properties), {"model", "input"});
}

Schema embeddings_answer_schema() {
  Schema one{{"object", word({"embedding"})}, {"index", integer(0, kMaxInputs)}};
  one["embedding"] = any_of({array(Schema{{"type", "number"}}), text("base64 of little-endian 32-bit floats.")});
  Schema properties{{"object", word({"list"})}, {"model", text()}, {"usage", prompt_usage_schema()}};
  properties["data"] = array(object(std::move(one), {"object", "index", "embedding"}));
  return object(std::move(properties), {"object", "model", "data", "usage"});
}

Schema rerank_request_schema() {
  Schema properties{{"model", text("One of GET /v1/models.")}, {"query", text(1, 1 << 25)}, {"return_documents", nullable(boolean())}};
  properties["documents"] = array(text(1, 1 << 25), 1, kMaxInputs);
  properties["top_n"] = nullable(integer(1, kMaxInt32, "The best so many; without it all."));
  properties["instruction"] = nullable(text("For chat models: what makes a document fit."));
  properties["truncate_prompt_tokens"] = nullable(integer(-1, kMaxInt32, "Texts are cut to so many tokens; -1: to what the model takes."));
  return object(std::move(properties), {"model", "query", "documents"});
}

Schema rerank_answer_schema() {
  Schema one{{"index", integer(0, kMaxInputs)}, {"relevance_score", Schema{{"type", "number"}}}};
  Schema properties{{"id", text()}, {"model", text()}, {"usage", object({}, {})}};
  properties["results"] = array(object(std::move(one), {"index", "relevance_score"}));
  return object(std::move(properties), {"model", "results"});
}

Schema responses_request_schema() {
  Schema properties{{"model", text("One of GET /v1/models.")}, {"instructions", nullable(text())}, {"stream", nullable(boolean())}};
  properties["input"] = any_of({text(), array(object({}, {}), 0, 10'000)});
  properties["max_output_tokens"] = nullable(integer(1, kMaxInt32));
  properties["temperature"] = nullable(number(0, 2));
  properties["top_p"] = nullable(number(0, 1));
  properties["top_logprobs"] = nullable(integer(0, 20));
  properties["tools"] = nullable(array(object({}, {}), 0, 1024));
  properties["store"] = nullable(boolean());
  properties["previous_response_id"] = nullable(text());
  properties["reasoning"] = nullable(object({}, {}));
  properties["text"] = nullable(object({}, {}));
  properties["metadata"] = nullable(object({}, {}));
  return object(std::move(properties), {"model", "input"});
}

Schema responses_answer_schema() {
  Schema properties{{"id", text()}, {"object", word({"response"})}, {"model", text()}, {"created_at", integer(0, INT64_MAX)}};
  properties["status"] = word({"completed", "incomplete", "failed", "in_progress", "cancelled", "queued"});
  properties["output"] = array(object({}, {}));
  properties["usage"] = nullable(object({}, {}));
  return object(std::move(properties), {"id", "object", "model", "status", "output"});
}

}  // namespace

void add_embeddings_path(json::object& paths, json::object& schemas) {
  schemas["EmbeddingsRequest"] = embeddings_request_schema();
  schemas["EmbeddingsAnswer"] = embeddings_answer_schema();
  paths["/v1/embeddings"] =
      post(operation("createEmbedding", "Vectors of texts", ref("EmbeddingsRequest"), json_content(ref("EmbeddingsAnswer"))));
}

void add_rerank_path(json::object& paths, json::object& schemas) {
  schemas["RerankRequest"] = rerank_request_schema();
  schemas["RerankAnswer"] = rerank_answer_schema();
  paths["/v1/rerank"] =
      post(operation("rerank", "How well documents answer a query", ref("RerankRequest"), json_content(ref("RerankAnswer"))));
}

void add_responses_path(json::object& paths, json::object& schemas) {
  schemas["ResponsesRequest"] = responses_request_schema();
  schemas["ResponsesAnswer"] = responses_answer_schema();
  json::object content = json_content(ref("ResponsesAnswer"));
  content["text/event-stream"] = json::object{{"schema", json::object{{"description", "With stream: named server-sent events."}}}};
  paths["/v1/responses"] = post(operation("createResponse", "A response by the model", ref("ResponsesRequest"), std::move(content)));
}

void add_tokenize_paths(json::object& paths, json::object& schemas) {
  Schema request{{"model", text("One of GET /v1/models.")}, {"prompt", text(0, 1 << 25)}, {"add_special_tokens", nullable(boolean())}};
  request["return_token_strs"] = nullable(boolean());
  schemas["TokenizeRequest"] = object(std::move(request), {"model", "prompt"});
  Schema answer{{"count", integer(0, kMaxInt32)}, {"max_model_len", integer(1, kMaxInt32)}, {"tokens", array(integer(0, kMaxInt32))}};
  paths["/tokenize"] = post(
      operation("tokenize", "The tokens of a text", ref("TokenizeRequest"), json_content(object(std::move(answer), {"count", "tokens"}))));
  Schema back{{"model", text("One of GET /v1/models.")}, {"tokens", array(integer(0, kMaxInt32), 0, 1 << 24)}};
  schemas["DetokenizeRequest"] = object(std::move(back), {"model", "tokens"});
  paths["/detokenize"] = post(operation("detokenize", "The text of tokens", ref("DetokenizeRequest"),
                                        json_content(object(Schema{{"prompt", text()}}, {"prompt"}))));
}

}  // namespace ondol::openapi
