#include "gateway/generation.h"

#include <exception>
#include <iterator>
#include <utility>

#include "gateway/api_error.h"

namespace ondol {
namespace {

std::string_view reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
    case FinishReason::kError: return "error";
  }
  return "error";
}

}  // namespace

std::shared_ptr<Engine> EngineGate::engine() const {
  const std::scoped_lock lock(mutex_);
  return engine_;
}

Result<uint64_t> EngineGate::submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) {
  const std::shared_ptr<Engine> engine = this->engine();
  if (engine == nullptr) return fail(Code::kUnavailable, "The server is shutting down.");
  return engine->submit(std::move(request), std::move(sink));
}

void EngineGate::cancel(uint64_t id) {
  if (const std::shared_ptr<Engine> engine = this->engine(); engine != nullptr) engine->cancel(id);
}

void EngineGate::close() {
  std::shared_ptr<Engine> engine;
  const std::scoped_lock lock(mutex_);
  engine.swap(engine_);
}

Generation::Generation(GenerationSetup setup)
    : setup_(std::move(setup)), answer_(*setup_.model->tokenizer(), std::move(setup_.stops), setup_.logprobs) {
  if (setup_.continue_after) answer_.continue_after(*setup_.continue_after);
}

Status Generation::submit(GenerateRequest request) {
  {
    const std::scoped_lock lock(mutex_);
    if (cancelled_) return fail(Code::kCancelled, "The client left.");
  }
  ONDOL_TRY(const uint64_t id, setup_.gate->submit(std::move(request), shared_from_this()));
  {
    const std::scoped_lock lock(mutex_);
    id_ = id;
    if (!cancelled_) return {};
  }
  setup_.gate->cancel(id);
  return {};
}

void Generation::cancel() {
  uint64_t id = 0;
  {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    if (!id_) return;  // submit, if it is under way, sees it
    id = *id_;
  }
  setup_.gate->cancel(id);
}

void Generation::on_token(const TokenEvent& event) {
  std::unique_lock lock(mutex_);
  if (arrivals_.tokens.size() >= kMaxPendingTokens) {
    arrivals_.overflow = true;
  } else {
    arrivals_.tokens.push_back({event, SteadyClock().now_us()});
  }
  wake(std::move(lock));
}

void Generation::on_finish(const FinishEvent& event) {
  std::unique_lock lock(mutex_);
  arrivals_.finish = event;
  wake(std::move(lock));
}

void Generation::wake(std::unique_lock<std::mutex> lock) {
  if (std::exchange(queued_, true)) return;
  lock.unlock();
  setup_.pump->post(shared_from_this());
}

Generation::Arrivals Generation::take_arrivals() {
  const std::scoped_lock lock(mutex_);
  queued_ = false;
  return std::exchange(arrivals_, {});
}

void Generation::run() {
  try {
    turn();
  } catch (const std::exception&) {  // memory: this answer ends, the others go on
    over_ = true;
    cancel();
    setup_.exchange->abort();
  }
}

void Generation::turn() {
  const Arrivals arrivals = take_arrivals();
  if (over_) return;
  for (const Timed& token : arrivals.tokens) take_token(token);
  if (arrivals.overflow) {
    cancel();
    give_up({Code::kUnavailable, "The answer came faster than this server could write it; it is incomplete."});
    return;
  }
  if (arrivals.finish) {
    complete(*arrivals.finish);
  } else {
    show();
    flush();
  }
}

void Generation::take_token(const Timed& token) {
  if (answer_.stopped()) return;
  if (last_token_us_ == 0) {
    setup_.metrics->first_token(token.at_us - setup_.received_us);
  } else {
    setup_.metrics->next_token(token.at_us - last_token_us_);
  }
  last_token_us_ = token.at_us;
  answer_.push(token.event);
  // The engine may be some tokens ahead; on_finish comes after that, with what the usage needs.
  if (answer_.stopped()) cancel();
}

void Generation::show() {
  AnswerPiece piece = answer_.take();
  if (!setup_.stream) {
    collected_.append(std::move(piece));
    return;
  }
  begin();
  if (!piece.empty()) unsent_ += setup_.format->delta(piece);
}

void Generation::complete(const FinishEvent& finish) {
  if (finish.reason != FinishReason::kError) answer_.finish();
  const bool stopped = answer_.stopped();
  setup_.metrics->queued(finish.queue_us);
  setup_.metrics->finished(stopped ? "stop" : reason_name(finish.reason));
  if (!stopped && finish.reason == FinishReason::kError) return give_up(finish.error);
  if (!stopped && finish.reason == FinishReason::kCancelled) {
    over_ = true;
    if (setup_.exchange->connected()) give_up({Code::kUnavailable, "The server stopped this request; it is shutting down."});
    return;
  }
  const Usage usage{.prompt_tokens = finish.prompt_tokens,
                    .cached_tokens = finish.cached_tokens,
                    .completion_tokens = stopped ? answer_.tokens() : finish.completion_tokens,
                    .reasoning_tokens = 0};
  succeed(stopped ? "stop" : reason_name(finish.reason), usage);
}

void Generation::succeed(std::string_view finish_reason, const Usage& usage) {
  over_ = true;
  show();
  if (setup_.stream) {
    unsent_ += setup_.format->closing(finish_reason, usage);
    flush();
    setup_.exchange->finish();
    return;
  }
  HttpResponse response;
  response.headers = std::move(setup_.headers);
  response.body = setup_.format->whole(collected_, finish_reason, usage);
  setup_.exchange->respond(std::move(response));
}

void Generation::give_up(const Error& error) {
  over_ = true;
  const ApiError api_error = to_api_error(error);
  if (begun_) {
    show();
    unsent_ += setup_.format->failed(api_error);
    flush();
    setup_.exchange->abort();
    return;
  }
  HttpResponse response = error_response(api_error);
  std::move(setup_.headers.begin(), setup_.headers.end(), std::back_inserter(response.headers));
  setup_.exchange->respond(std::move(response));
}

void Generation::begin() {
  if (std::exchange(begun_, true)) return;
  HttpHeaders headers = setup_.headers;
  headers.emplace_back("Cache-Control", "no-cache");
  headers.emplace_back("X-Accel-Buffering", "no");
  setup_.exchange->begin_stream(200, "text/event-stream", std::move(headers));
  unsent_ += setup_.format->opening();
}

void Generation::flush() {
  if (!unsent_.empty()) setup_.exchange->write(std::exchange(unsent_, {}));
}

}  // namespace ondol
