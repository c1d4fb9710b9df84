// How an endpoint is asked about itself, whatever carries the question: paths and readings from its dialect.
//
// Pure functions over `ask`; `then` is called on the thread on which `ask` answers. Bounded by what `ask` lets an answer be.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "endpoint/dialect.h"
#include "endpoint/endpoint.h"

namespace ondol {

// GET of a target; an answer with any status, or why there is none.
using AskEndpoint = std::function<void(std::string target, std::function<void(Result<HttpResponse>)> then)>;

// Collects the answer to a question; who asks limits its size.
class AnswerSink final : public EndpointSink {
 public:
  explicit AnswerSink(std::function<void(Result<HttpResponse>)> then) : then_(std::move(then)) {}
  void on_head(int status, const HttpHeaders& headers) override {
    response_.status = status;
    response_.headers = headers;
  }
  void on_data(std::string_view bytes) override { response_.body += bytes; }
  void on_end(const Status& status) override {
    if (!status) return then_(std::unexpected(status.error()));
    then_(std::move(response_));
  }

 private:
  const std::function<void(Result<HttpResponse>)> then_;
  HttpResponse response_;
};

inline constexpr uint64_t kMaxQuestionBytes = 8 << 20;  // of an answer
inline constexpr size_t kMaxEndpointModels = 10'000;

void probe_endpoint(const EndpointDialect& dialect, const AskEndpoint& ask, std::function<void(EndpointState, std::string)> then);
void ask_load(const EndpointDialect& dialect, const AskEndpoint& ask, std::function<void(Result<EndpointLoad>)> then);
// The models, then the version; a server without the latter has an empty one.
void ask_capabilities(const EndpointDialect& dialect, const AskEndpoint& ask, std::function<void(Result<EndpointCapabilities>)> then);

// What the answers say; kDataLoss if they are not of the form that the API has.
Result<std::vector<EndpointModel>> read_models(std::string_view body);
// "2026.4.0 furiosa-llm/b1baffa ..."; empty if it says nothing.
std::string read_version(std::string_view body);

}  // namespace ondol
