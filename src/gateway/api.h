// The OpenAI-compatible API over the models that are served.
//
// Owner: the app. `handle` is the HTTP server's handler: never blocks, any thread. Parsing, validation, templates, tokenising and
// detokenising happen here, on the server's threads, never on an engine's step thread. Bounded by ApiLimits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/metrics.h"
#include "gateway/admission.h"
#include "gateway/embedding_model.h"
#include "gateway/model_pool.h"
#include "net/server.h"

namespace ondol {

class Door;

struct ApiLimits {
  size_t max_body_bytes = 32 << 20;
  int max_json_depth = 64;
  size_t max_messages = 10'000;
  size_t max_stop_strings = 16;
  size_t max_stop_bytes = 1024;
};

// What is served. Embedding models are small and stay in memory.
struct ApiModels {
  std::vector<ServedSource> chat;
  std::vector<EmbeddingModel> embedding;
  ModelPoolOptions pool;
};

class Api {
 public:
  // `door`: takes requests for models that are not in this process; null = there are no others. It outlives what it took.
  Api(ApiModels models, Registry& metrics, const ApiLimits& limits = {}, AdmissionOptions admission = {}, Door* door = nullptr);
  ~Api();

  // Routes one request that is let in (see Admission): GET /health /ready /metrics /version /openapi.json /v1/models /v1/models/{id}
  // /ondol/endpoints;
  // POST /v1/chat/completions /v1/completions /v1/responses /v1/embeddings /v1/rerank /tokenize /detokenize; stored responses below
  // /v1/responses/{id}.
  void handle(std::shared_ptr<Exchange> exchange);

  // HttpServerOptions::answer_to_head: what is not let in is refused before its body is read.
  std::optional<HttpResponse> answer_to_head(const HttpRequest& head);

  // Loads a model ahead of its first request.
  void preload(const std::string& name, std::function<void(Status)> then);

  // /ready answers 503 when false: while models load, and while the server drains.
  void set_ready(bool ready);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ondol
