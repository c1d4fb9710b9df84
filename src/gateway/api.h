// The OpenAI-compatible API over the models that are served.
//
// Owner: the app. `handle` is the HTTP server's handler: never blocks, any thread. Parsing, validation, templates, tokenising and
// detokenising happen here, on the server's threads, never on an engine's step thread. Bounded by ApiLimits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "gateway/admission.h"
#include "model/chat_template.h"
#include "model/model.h"
#include "net/server.h"

namespace ondol {

struct ApiLimits {
  size_t max_body_bytes = 32 << 20;
  int max_json_depth = 64;
  size_t max_messages = 10'000;
  size_t max_stop_strings = 16;
  size_t max_stop_bytes = 1024;
};

// One model under its public name.
struct ServedModel {
  std::string name;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const ChatTemplate> chat_template;  // null: no chat completions, said by name in the error
  std::shared_ptr<Engine> engine;
  int64_t created_unix_s = 0;
};

class Api {
 public:
  Api(std::vector<ServedModel> models, Registry& metrics, const ApiLimits& limits = {}, AdmissionOptions admission = {});
  ~Api();

  // Routes one request that is let in (see Admission): GET /health /ready /metrics /version /openapi.json /v1/models /v1/models/{id};
  // POST /v1/chat/completions /v1/completions.
  void handle(std::shared_ptr<Exchange> exchange);

  // /ready answers 503 when false: while models load, and while the server drains.
  void set_ready(bool ready);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ondol
