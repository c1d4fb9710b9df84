#include <boost/json.hpp>
#include <ctime>
#include <utility>

#include "gateway/api_state.h"
#include "gateway/json_scan.h"
#include "gateway/prepare.h"

namespace ondol {
namespace {

RequestLimits request_limits(const ApiLimits& limits) {
  RequestLimits out;
  out.max_messages = limits.max_messages;
  out.max_stop_strings = limits.max_stop_strings;
  out.max_stop_bytes = limits.max_stop_bytes;
  return out;
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

int64_t unix_now_s() { return static_cast<int64_t>(std::time(nullptr)); }

}  // namespace

ApiResult<Api::State::Prepared> Api::State::prepare(Kind kind, std::string_view body) {
  const JsonLimits json_limits{.max_bytes = limits.max_body_bytes, .max_depth = limits.max_json_depth};
  ONDOL_TRY(const boost::json::value json, parse_json(body, json_limits));
  Prepared prepared;
  if (kind == Kind::kChat) {
    ONDOL_TRY(ChatRequest request, parse_chat_request(json, request_limits(limits)));
    ONDOL_TRY(prepared.entry, find(request.common.model));
    ONDOL_TRY(prepared.generate, prepare_chat(prepared.entry->served, request, unix_now_s(), ids.number()));
    prepared.common = std::move(request.common);
  } else {
    ONDOL_TRY(CompletionRequest request, parse_completion_request(json, request_limits(limits)));
    ONDOL_TRY(prepared.entry, find(request.common.model));
    ONDOL_TRY(prepared.generate, prepare_completion(prepared.entry->served, request, ids.number()));
    prepared.common = std::move(request.common);
  }
  return prepared;
}

ApiResult<void> Api::State::generate(const std::shared_ptr<Exchange>& exchange, Kind kind, HttpHeaders headers, int64_t received_us) {
  ONDOL_TRY(Prepared prepared, prepare(kind, exchange->request().body));
  const Entry& entry = *prepared.entry;
  const bool logprobs = prepared.common.logprobs >= 0;
  const Tokenizer& tokenizer = *entry.served.model->tokenizer();
  if (!prepared.common.ignored.empty()) headers.emplace_back("x-ondol-ignored", join(prepared.common.ignored));

  ResponseMeta meta{.id = ids.name(kind == Kind::kChat ? "chatcmpl-" : "cmpl-"),
                    .created_unix_s = unix_now_s(),
                    .model = entry.served.name,
                    .fingerprint = entry.fingerprint,
                    .include_usage = prepared.common.include_usage};
  GenerationSetup setup;
  setup.exchange = exchange;
  setup.gate = entry.gate;
  setup.pump = pump;
  setup.model = entry.served.model;
  setup.metrics = entry.metrics;
  setup.format = kind == Kind::kChat ? make_chat_format(std::move(meta), tokenizer, logprobs)
                                     : make_completion_format(std::move(meta), tokenizer, logprobs);
  setup.stops = std::move(prepared.common.stop);
  if (kind == Kind::kCompletion) setup.continue_after = prepared.generate.prompt.back();
  setup.logprobs = logprobs;
  setup.stream = prepared.common.stream;
  setup.headers = std::move(headers);
  setup.received_us = received_us;

  const auto generation = std::make_shared<Generation>(std::move(setup));
  exchange->on_disconnect([weak = std::weak_ptr(generation)] {
    if (const auto alive = weak.lock(); alive != nullptr) alive->cancel();
  });
  const Status submitted = generation->submit(std::move(prepared.generate));
  if (!submitted) return std::unexpected(to_api_error(submitted.error()));
  return {};
}

}  // namespace ondol
