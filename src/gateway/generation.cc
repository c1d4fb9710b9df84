#include "gateway/generation.h"

#include <exception>
#include <utility>

#include "endpoint/api_error.h"
#include "gateway/engine_meter.h"

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

Generation::Generation(GenerationSetup setup)
    : setup_(std::move(setup)),
      each_token_(setup_.reply->stream() || !setup_.stops.empty()),
      answer_(*setup_.model->served.model->tokenizer(), std::move(setup_.stops), setup_.logprobs, std::move(setup_.syntax)) {
  if (setup_.continue_after) answer_.continue_after(*setup_.continue_after, setup_.echo);
}

Status Generation::submit(GenerateRequest request) {
  {
    const std::scoped_lock lock(mutex_);
    if (cancelled_) return fail(Code::kCancelled, "The client left.");
  }
  ONDOL_TRY(const uint64_t id, setup_.model->gate->submit(std::move(request), shared_from_this()));
  {
    const std::scoped_lock lock(mutex_);
    id_ = id;
    if (!cancelled_) return {};
  }
  setup_.model->gate->cancel(id);
  return {};
}

void Generation::refuse(const Error& error) {
  FinishEvent event;
  event.reason = FinishReason::kError;
  event.error = error;
  on_finish(event);
}

void Generation::cancel() {
  uint64_t id = 0;
  {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    if (!id_) return;  // submit, if it is under way, sees it
    id = *id_;
  }
  setup_.model->gate->cancel(id);
}

void Generation::on_prompt(std::vector<TokenEvent> tokens) {
  std::unique_lock lock(mutex_);
  arrivals_.prompt = std::move(tokens);
  if (each_token_) wake(std::move(lock));
}

void Generation::on_token(const TokenEvent& event) {
  std::unique_lock lock(mutex_);
  if (arrivals_.tokens.size() >= kMaxPendingTokens) {
    arrivals_.overflow = true;
  } else {
    arrivals_.tokens.push_back({event, SteadyClock().now_us()});
  }
  if (each_token_ || arrivals_.tokens.size() >= kTokensOfATurn) wake(std::move(lock));
}

void Generation::on_finish(const FinishEvent& event) {
  std::unique_lock lock(mutex_);
  arrivals_.finish = event;
  wake(std::move(lock));
}

void Generation::wake(std::unique_lock<std::mutex> lock) {
  if (std::exchange(queued_, true)) return;
  lock.unlock();
  setup_.reply->post([self = shared_from_this()] { self->run(); });
}

Generation::Arrivals Generation::take_arrivals() {
  const std::scoped_lock lock(mutex_);
  queued_ = false;
  return std::exchange(arrivals_, {});
}

// One turn: answers with what arrived.
void Generation::run() {
  try {
    turn();
  } catch (const std::exception&) {  // memory: this answer ends, the others go on
    over_ = true;
    cancel();
    setup_.reply->abort();
  }
}

void Generation::turn() {
  Arrivals arrivals = take_arrivals();
  if (over_) {
    if (arrivals.finish) (void)usage_of(*arrivals.finish);
    return;
  }
  if (!arrivals.prompt.empty()) prompt_ = std::move(arrivals.prompt);
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
    setup_.model->metrics->first_token(token.at_us - setup_.received_us);
  } else {
    setup_.model->metrics->next_token(token.at_us - last_token_us_);
  }
  last_token_us_ = token.at_us;
  answer_.push(token.event);
  // The engine may be some tokens ahead; on_finish comes after that, with what the usage needs.
  if (answer_.stopped()) cancel();
}

void Generation::show() {
  AnswerPiece piece = echo_piece(*setup_.model->served.model->tokenizer(), std::exchange(setup_.echo, {}), std::exchange(prompt_, {}));
  piece.append(answer_.take());
  if (!setup_.reply->stream()) {
    collected_.append(std::move(piece));
    return;
  }
  if (!std::exchange(begun_, true)) unsent_ += setup_.format->opening();
  if (!piece.empty()) unsent_ += setup_.format->delta(piece);
}

// What it used; closes its account, however it ended.
Usage Generation::usage_of(const FinishEvent& finish) {
  Usage usage{.prompt_tokens = finish.prompt_tokens,
              .cached_tokens = finish.cached_tokens,
              .completion_tokens = answer_.stopped() ? answer_.tokens() : finish.completion_tokens,
              .reasoning_tokens = answer_.reasoning_tokens(),
              .accepted_prediction_tokens = finish.accepted_prediction,
              .rejected_prediction_tokens = finish.rejected_prediction,
              .account = {}};
  const ServedModel& served = setup_.model->served;
  if (served.meter != nullptr && finish.id != 0) usage.account = served.meter->finish(finish.id, served.name, usage, finish.queue_us);
  return usage;
}

void Generation::complete(const FinishEvent& finish) {
  if (finish.reason != FinishReason::kError) answer_.finish();
  const bool stopped = answer_.stopped();
  const Usage usage = usage_of(finish);
  setup_.model->metrics->queued(finish.queue_us);
  setup_.model->metrics->finished(stopped ? "stop" : reason_name(finish.reason));
  if (!stopped && finish.reason == FinishReason::kError) return give_up(finish.error);
  if (!stopped && finish.reason == FinishReason::kCancelled) {
    over_ = true;
    if (setup_.reply->connected()) give_up({Code::kUnavailable, "The server stopped this request; it is shutting down."});
    return;
  }
  succeed(stopped ? "stop" : reason_name(finish.reason), usage);
}

void Generation::succeed(std::string_view finish_reason, const Usage& usage) {
  over_ = true;
  show();
  std::string text = std::exchange(unsent_, {});
  if (setup_.reply->stream()) {
    text += setup_.format->closing(finish_reason, usage);
  } else {
    text = setup_.format->whole(collected_, finish_reason, usage);
  }
  setup_.reply->complete(std::move(text), usage);
}

void Generation::give_up(const Error& error) {
  over_ = true;
  const ApiError api_error = to_api_error(error);
  show();
  const std::string frames = std::exchange(unsent_, {}) + setup_.format->failed(api_error);  // the format keeps the books of a response
  setup_.reply->fail(api_error, frames);
}

void Generation::flush() {
  if (setup_.reply->stream()) setup_.reply->write(std::exchange(unsent_, {}));
}

}  // namespace ondol
