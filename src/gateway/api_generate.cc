#include <boost/json.hpp>
#include <utility>

#include "gateway/api_state.h"
#include "gateway/constraint.h"
#include "gateway/json_scan.h"
#include "gateway/prepare.h"
#include "gateway/responses_format.h"
#include "gateway/responses_request.h"

namespace ondol {
namespace {

namespace json = boost::json;

// The generations of one request, for what concerns all of them.
using Generations = std::vector<std::weak_ptr<Generation>>;

void cancel_all(const Generations& generations) {
  for (const auto& weak : generations)
    if (const auto alive = weak.lock(); alive != nullptr) alive->cancel();
}

}  // namespace

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

RequestLimits Api::State::request_limits() const {
  RequestLimits out;
  out.max_messages = limits.max_messages;
  out.max_stop_strings = limits.max_stop_strings;
  out.max_stop_bytes = limits.max_stop_bytes;
  return out;
}

ApiResult<void> Api::State::bind(const ModelLease& model, const OutputConstraint& constraint, bool tools, GenerateRequest& request) {
  if (constraint.kind == OutputConstraint::Kind::kNone) return {};
  ONDOL_TRY(request.grammar, model->grammars->get(constraint, tools ? "tools" : "response_format"));
  return {};
}

ApiResult<Api::State::Prepared> Api::State::prepare(Kind kind, const ModelLease& model, const json::value& body) {
  Prepared prepared;
  if (kind == Kind::kCompletion) {
    ONDOL_TRY(CompletionRequest request, parse_completion_request(body, request_limits()));
    ONDOL_TRY(prepared.generate, prepare_completion(model->served, request, ids.number()));
    ONDOL_TRY_STATUS(bind(model, output_constraint({}, request.common.format, {}), false, prepared.generate));
    if (request.echo) prepared.echo = model->served.model->tokenizer()->decode(prepared.generate.prompt);
    prepared.common = std::move(request.common);
    return prepared;
  }
  ONDOL_TRY(ChatRequest request, parse_chat_request(body, request_limits()));
  ONDOL_TRY(PreparedChat chat, prepare_chat(model->served, request, model->control_names, unix_now_s(), ids.number()));
  const bool tools = !request.tools.callable().empty();
  ONDOL_TRY_STATUS(bind(model, output_constraint(request.tools, request.common.format, chat.syntax), tools, chat.generate));
  prepared.generate = std::move(chat.generate);
  prepared.syntax = std::move(chat.syntax);
  prepared.common = std::move(request.common);
  return prepared;
}

// All but the reply and the format.
GenerationSetup Api::State::setup_of(const Call& call, const ModelLease& model, const Prepared& prepared) {
  GenerationSetup setup;
  setup.model = model;
  setup.stops = prepared.common.stop;
  if (call.kind == Kind::kCompletion) setup.continue_after = prepared.generate.prompt.back();
  setup.echo = prepared.echo;
  setup.syntax = prepared.syntax;
  setup.syntax.id_seed = ids.number();
  setup.logprobs = prepared.common.logprobs >= 0;
  setup.received_us = call.received_us;
  return setup;
}

ApiResult<void> Api::State::generate(const Call& call, const ModelLease& model, const json::value& body) {
  ONDOL_TRY(Prepared prepared, prepare(call.kind, model, body));
  const bool chat = call.kind == Kind::kChat;
  const bool logprobs = prepared.common.logprobs >= 0;
  const Tokenizer& tokenizer = *model->served.model->tokenizer();
  const int answers = prepared.common.answers;
  const ResponseMeta meta{.id = ids.name(chat ? "chatcmpl-" : "cmpl-"),
                          .created_unix_s = unix_now_s(),
                          .model = model->served.name,
                          .fingerprint = model->fingerprint,
                          .include_usage = prepared.common.include_usage,
                          .ends_stream = answers == 1};
  const auto generations = std::make_shared<Generations>();
  Reply::Setup reply{.exchange = call.exchange,
                     .headers = {{"x-request-id", call.request_id}},
                     .stream = prepared.common.stream,
                     .answers = answers,
                     .meta = answers > 1 ? meta : ResponseMeta{},
                     .object = chat ? "chat.completion.chunk" : "text_completion",
                     .give_up_rest = {}};
  if (answers > 1) reply.give_up_rest = [generations] { cancel_all(*generations); };
  if (!prepared.common.ignored.empty()) reply.headers.emplace_back("x-ondol-ignored", join_names(prepared.common.ignored));
  const auto shared = std::make_shared<Reply>(std::move(reply));

  std::vector<std::shared_ptr<Generation>> made;
  for (int i = 0; i < answers; ++i) {
    GenerationSetup setup = setup_of(call, model, prepared);
    setup.reply = shared;
    setup.format = chat ? make_chat_format(meta, tokenizer, logprobs, i) : make_completion_format(meta, tokenizer, logprobs, i);
    made.push_back(std::make_shared<Generation>(std::move(setup)));
    generations->push_back(made.back());
  }
  call.exchange->on_disconnect([generations] { cancel_all(*generations); });
  for (int i = 0; i < answers; ++i) {
    GenerateRequest request = i + 1 == answers ? std::move(prepared.generate) : prepared.generate;
    request.sampling.seed += static_cast<uint64_t>(i);
    const Status submitted = made[static_cast<size_t>(i)]->submit(std::move(request));
    if (submitted) continue;
    if (i == 0) return std::unexpected(to_api_error(submitted.error()));
    made[static_cast<size_t>(i)]->refuse(submitted.error());  // others run already: this ends them
    break;
  }
  return {};
}

ApiResult<void> Api::State::respond(const Call& call, const ModelLease& model, const json::value& body) {
  const std::string owner = admission.owner(call.exchange->request());
  ONDOL_TRY(ResponsesRequest request, parse_responses_request(body, *responses, owner, ids, request_limits()));
  ApiResult<Prepared> prepared = prepare(Kind::kChat, model, request.chat);
  if (!prepared) return std::unexpected(responses_error(std::move(prepared.error())));

  ResponsesMeta meta{.id = ids.name("resp_"),
                     .created_unix_s = unix_now_s(),
                     .model = model->served.name,
                     .sampling = prepared->generate.sampling,
                     .echo = std::move(request.echo),
                     .unix_now_s = unix_now_s};
  Reply::Setup reply{.exchange = call.exchange,
                     .headers = {{"x-request-id", call.request_id}},
                     .stream = prepared->common.stream,
                     .answers = 1,
                     .meta = {},
                     .object = {},
                     .give_up_rest = {}};
  if (!request.ignored.empty()) reply.headers.emplace_back("x-ondol-ignored", join_names(request.ignored));
  json::object started = started_response(meta);
  const std::string id = meta.id;
  std::function<void(json::object)> on_finished;
  if (request.store) on_finished = [store = responses, owner](json::object response) { store->finish(owner, std::move(response)); };

  GenerationSetup setup = setup_of(call, model, *prepared);
  setup.reply = std::make_shared<Reply>(std::move(reply));
  setup.format = make_responses_format(std::move(meta), *model->served.model->tokenizer(), std::move(on_finished));
  const auto generation = std::make_shared<Generation>(std::move(setup));
  const auto cancel = [weak = std::weak_ptr(generation)] {
    if (const auto alive = weak.lock(); alive != nullptr) alive->cancel();
  };
  if (request.store) responses->begin(owner, std::move(started), std::move(request.items), cancel);
  call.exchange->on_disconnect(cancel);
  const Status submitted = generation->submit(std::move(prepared->generate));
  if (submitted) return {};
  if (request.store) [[maybe_unused]] const auto gone = responses->erase(owner, id);
  return std::unexpected(to_api_error(submitted.error()));
}

}  // namespace ondol
