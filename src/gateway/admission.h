// Who is let in: the one step between a request's arrival and its route. API keys, and which web pages may call.
//
// Owner: Api. Any thread; never blocks for longer than reading a changed key file. Immutable but for that file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "endpoint/api_error.h"
#include "gateway/admitted_exchange.h"
#include "gateway/api_key_file.h"
#include "gateway/cors.h"
#include "net/server.h"

namespace ondol {

// With a key file every request from another machine needs a key. Without one only this machine is let in.
struct AdmissionOptions {
  std::shared_ptr<ApiKeyFile> keys = nullptr;
  bool require_key = false;      // from this machine as well
  bool allow_anonymous = false;  // without a key file: anyone
  CorsPolicy cors = {};
};

class Admission {
 public:
  explicit Admission(AdmissionOptions options) : options_(std::move(options)) {}

  // The exchange to go on with: its answers carry what every answer carries (CORS, openai-processing-ms, openai-version). Null: this step
  // has answered, with a preflight's answer or a refusal.
  std::shared_ptr<Exchange> admit(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) const;

  // What admit() answers with, from a request's head alone: a preflight's answer or a refusal. Nothing if it is let in.
  std::optional<HttpResponse> answer_to_head(const HttpRequest& head, const std::string& request_id) const;

  // Whose a request is: the id of its key, empty without a valid one. Stored responses belong to it.
  std::string owner(const HttpRequest& request) const;

  // Why a request may not come in; nothing if it may. /health and /ready are open to all, /metrics to this machine.
  std::optional<ApiError> refusal(const HttpRequest& request, int64_t now_unix_s) const;

 private:
  AnswerHeaders answer_headers(const HttpRequest& request) const;

  const AdmissionOptions options_;
};

}  // namespace ondol
