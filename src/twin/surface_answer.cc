#include "twin/surface_answer.h"

#include <algorithm>
#include <utility>

namespace ondol {

class SurfaceAnswer::Sink final : public TwinSink {
 public:
  Sink(std::shared_ptr<SurfaceAnswer> answer, size_t part) : answer_(std::move(answer)), part_(part) {}
  void on_token(int64_t) override { answer_->arrived(part_); }
  void on_finish(TwinFinish reason, const TwinUsage& usage) override { answer_->finished(part_, reason, usage); }

 private:
  const std::shared_ptr<SurfaceAnswer> answer_;
  const size_t part_;
};

class SurfaceAnswer::Listener final : public RelayListener {
 public:
  Listener(std::shared_ptr<SurfaceAnswer> answer, size_t part) : answer_(std::move(answer)), part_(part) {}
  void heard(std::string text) override {
    answer_->parts_[part_].heard->hear(std::move(text));
    answer_->wake();
  }
  void ended(const Result<std::string>& finish) override {
    answer_->parts_[part_].heard->end(finish);
    answer_->wake();
  }

 private:
  const std::shared_ptr<SurfaceAnswer> answer_;
  const size_t part_;
};

void SurfaceAnswer::start(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerForm> form, GenerationRequest request,
                          AnswerDeps deps) {
  const std::shared_ptr<SurfaceAnswer> answer(new SurfaceAnswer(std::move(exchange), std::move(form), std::move(request), std::move(deps)));
  if (answer->request_.stream) {
    answer->exchange_->begin_stream(200, std::string(kEventStream), uvicorn_headers());
    for (std::string& event : answer->form_->open()) answer->exchange_->write(std::move(event));
  }
  answer->submit_all();
  answer->exchange_->on_disconnect([weak = answer->weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
}

SurfaceAnswer::SurfaceAnswer(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerForm> form, GenerationRequest request,
                             AnswerDeps deps)
    : exchange_(std::move(exchange)),
      form_(std::move(form)),
      request_(std::move(request)),
      deps_(std::move(deps)),
      relayed_(!deps_.relay.expired()),
      eager_(request_.stream || relayed_ || !request_.stops.empty()),
      started_us_(clock_.now_us()),
      parts_(request_.prompts.size() * static_cast<size_t>(request_.copies)) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].last_us = started_us_;
    const size_t copy = i % static_cast<size_t>(request_.copies);
    if (relayed_) {
      parts_[i].heard = std::make_shared<HeardText>();
      parts_[i].text.emplace(text_options(), parts_[i].heard);
    } else {
      parts_[i].text.emplace(text_options(), FillerText(prompt_hash(prompt_of(i), deps_.seed + copy)));
    }
  }
}

AnswerTextOptions SurfaceAnswer::text_options() const {
  return {.max_tokens = request_.max_tokens,
          .min_tokens = request_.min_tokens,
          .natural = request_.natural,
          .silent_stop = request_.silent_stop,
          .piece_bytes = deps_.tokenizer.piece_bytes(),
          .stops = StopText(request_.stops, request_.keep_stop)};
}

void SurfaceAnswer::submit_all() {
  for (size_t i = 0; i < parts_.size(); ++i) {
    Status begun = submit(i);
    if (begun && relayed_) begun = ask(i);
    if (begun) continue;
    // Posted: what the other parts have posted already comes first, and finds an answer that is not over.
    return exchange_->post([self = shared_from_this(), error = begun.error()] { self->fail_with(error); });
  }
}

Status SurfaceAnswer::submit(size_t part) {
  const std::shared_ptr<TwinEngine> engine = deps_.engine.lock();
  if (engine == nullptr) return fail(Code::kUnavailable, "the engine is gone");
  ONDOL_TRY(const uint64_t id, engine->submit(engine_request(part), std::make_shared<Sink>(shared_from_this(), part)));
  const std::scoped_lock lock(mutex_);
  parts_[part].id = id;
  return {};
}

Status SurfaceAnswer::ask(size_t part) {
  constexpr size_t kMaxAsked = 32 << 20;
  const std::shared_ptr<TextRelay> relay = deps_.relay.lock();
  if (relay == nullptr) return fail(Code::kUnavailable, "the relay is gone");
  if (exchange_->request().body.size() * parts_.size() > kMaxAsked) {
    return fail(Code::kInvalidArgument, "The request is too large to be relayed for each of its answers.");
  }
  RelayQuestion question = request_.question;
  if (!question.chat) question.body["prompt"] = deps_.tokenizer.decode(prompt_of(part));
  // The same seed would give the same answer again.
  const auto copy = static_cast<int64_t>(part % static_cast<size_t>(request_.copies));
  if (const auto* seed = question.body.if_contains("seed"); seed != nullptr && seed->is_int64() && seed->get_int64() < INT32_MAX) {
    question.body["seed"] = seed->get_int64() + copy;
  }
  const auto id = relay->ask(question, request_.max_tokens, std::make_shared<Listener>(shared_from_this(), part));
  if (!id) {
    relay->note_problem(id.error().message);
    return std::unexpected(id.error());
  }
  const std::scoped_lock lock(mutex_);
  parts_[part].question = *id;
  return {};
}

// With what it will say, if that is known, so that the next turn of a conversation finds the answer in the prefix cache.
TwinRequest SurfaceAnswer::engine_request(size_t part) const {
  constexpr int64_t kMaxForetold = 4096;
  TwinRequest request;
  request.prompt = prompt_of(part);
  request.max_tokens = request_.max_tokens;
  request.stop_after = request_.natural ? request_.max_tokens : 0;
  FillerText filler(prompt_hash(request.prompt, deps_.seed + part % static_cast<size_t>(request_.copies)));
  for (int64_t i = 0; !relayed_ && i < std::min(request_.max_tokens, kMaxForetold); ++i) {
    request.answer.push_back(deps_.tokenizer.encode(filler.next(deps_.tokenizer.piece_bytes())).front());
  }
  for (int32_t& id : request.prompt) id ^= deps_.salt;
  for (int32_t& id : request.answer) id ^= deps_.salt;
  return request;
}

void SurfaceAnswer::arrived(size_t part) {
  std::unique_lock lock(mutex_);
  Part& at = parts_[part];
  const int64_t now = clock_.now_us();
  const double gap = twin_seconds(now - std::exchange(at.last_us, now));
  if (at.arrived++ == 0) {
    deps_.metrics->first_token(gap);
  } else {
    deps_.metrics->later_token(gap);
  }
  if (eager_) wake(lock);
}

void SurfaceAnswer::finished(size_t part, TwinFinish reason, const TwinUsage& usage) {
  std::unique_lock lock(mutex_);
  Part& at = parts_[part];
  at.finish = reason;
  at.usage = usage;
  const bool failed = reason == TwinFinish::kEngineError, left = reason == TwinFinish::kAborted && !at.closed;
  if (failed || left) note(at, failed ? "error" : "abort", at.arrived, clock_.now_us());
  wake(lock);
}

void SurfaceAnswer::wake() {
  std::unique_lock lock(mutex_);
  wake(lock);
}

void SurfaceAnswer::wake(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(posted_, true)) return;
  lock.unlock();
  exchange_->post([self = shared_from_this()] { self->advance(); });
}

void SurfaceAnswer::advance() {
  std::vector<News> news;
  {
    const std::scoped_lock lock(mutex_);
    posted_ = false;
    for (const Part& part : parts_) news.push_back({part.arrived, part.finish});
  }
  bool all = true;
  for (size_t i = 0; i < news.size(); ++i) {
    if (over_ || (news[i].finish == TwinFinish::kAborted && !parts_[i].text->over())) return;
    all = advance(i, news[i]) && all;
  }
  if (all && !over_) complete();
}

// True if nothing more will come of it.
bool SurfaceAnswer::advance(size_t index, const News& news) {
  Part& part = parts_[index];
  const bool failed = news.finish == TwinFinish::kEngineError;
  if (eager_ || (news.finish && !failed)) {
    while (const auto token = part.text->next(news.arrived, news.finish && !failed)) emit(index, *token);
  }
  if (failed) {
    fail_with(Error{Code::kInternal, "internal server error"});
  } else if (part.heard != nullptr && !part.text->over()) {
    if (const auto ending = part.heard->ending(); ending && !*ending) fail_with_relay(ending->error());
  }
  return part.text->over() && news.finish.has_value();
}

void SurfaceAnswer::emit(size_t index, const SaidToken& said) {
  Part& part = parts_[index];
  const std::string stop_reason = part.text->stop_reason();
  const AnswerToken token{.choice = static_cast<int>(index),
                          .index = part.text->tokens() - 1,
                          .text = said.shown,
                          .ids = said.text.empty() ? std::vector<int32_t>{TwinTokenizer::kEos} : deps_.tokenizer.encode(said.text),
                          .finish = said.finish,
                          .stop_reason = stop_reason};
  part.choice.text += said.shown;
  part.choice.finish = said.finish;
  part.choice.stop_reason = token.stop_reason;
  if (request_.return_ids) part.choice.ids.insert(part.choice.ids.end(), token.ids.begin(), token.ids.end());
  if (request_.stream) {
    if (token.index == 0)
      for (std::string& event : form_->begin(token.choice)) exchange_->write(std::move(event));
    for (std::string& event : form_->token(token)) exchange_->write(std::move(event));
  }
  if (part.text->over()) close(index);
}

// A stop string, or the end of what a relay says, ends the engine's work early. A relay that has said all that it was asked for ends
// itself.
void SurfaceAnswer::close(size_t index) {
  Part& part = parts_[index];
  part.closed_us = clock_.now_us();
  std::optional<uint64_t> id, question;
  {
    const std::scoped_lock lock(mutex_);
    part.closed = true;
    if (!part.finish) id = part.id;
    if (part.text->stopped()) question = part.question;
  }
  drop(id, question);
}

void SurfaceAnswer::drop(std::optional<uint64_t> id, std::optional<uint64_t> question) {
  if (const auto engine = deps_.engine.lock(); engine != nullptr && id) engine->cancel(*id);
  if (const auto relay = deps_.relay.lock(); relay != nullptr && question) relay->cancel(*question);
}

void SurfaceAnswer::complete() {
  over_ = true;
  AnswerUsage usage;
  std::vector<AnswerChoice> choices;
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    // An end that is earlier than was asked has no token of its own; of what the engine made further nothing was said.
    const bool cut = part.finish == TwinFinish::kAborted;
    const int64_t tokens = cut ? part.text->tokens() : std::min(part.text->tokens(), part.usage.completion_tokens);
    note(part, part.choice.finish, tokens, part.closed_us);
    usage.completion_tokens += tokens;
    if (i % static_cast<size_t>(request_.copies) == 0) {
      usage.prompt_tokens += part.usage.prompt_tokens;
      usage.cached_tokens += part.usage.cached_tokens;
    }
    choices.push_back(std::move(part.choice));
  }
  if (!request_.stream) return exchange_->respond(uvicorn_response(200, form_->whole(choices, usage)));
  for (std::string& event : form_->end(choices, usage)) exchange_->write(std::move(event));
  exchange_->write("data: [DONE]\n\n");
  exchange_->finish();
}

void SurfaceAnswer::fail_with(const Error& error) {
  if (std::exchange(over_, true)) return;
  cancel();
  if (!request_.stream) return exchange_->respond(form_->failure(error));
  exchange_->write(form_->failure_event(error));
  exchange_->write("data: [DONE]\n\n");
  exchange_->finish();
}

void SurfaceAnswer::fail_with_relay(const Error& error) {
  if (const auto relay = deps_.relay.lock()) relay->note_problem(error.message);
  fail_with(Error{Code::kInternal, "internal server error"});
}

void SurfaceAnswer::cancel() {
  std::vector<std::pair<std::optional<uint64_t>, std::optional<uint64_t>>> left;
  {
    const std::scoped_lock lock(mutex_);
    for (const Part& part : parts_) left.emplace_back(part.finish ? std::nullopt : part.id, part.question);
  }
  for (const auto& [id, question] : left) drop(id, question);
}

void SurfaceAnswer::note(const Part& part, std::string_view reason, int64_t tokens, int64_t now_us) const {
  deps_.metrics->finished(reason, twin_seconds(now_us - started_us_), part.usage.prompt_tokens, tokens, request_.max_tokens);
}

double SurfaceAnswer::twin_seconds(int64_t us) const { return static_cast<double>(us) * 1e-6 * deps_.speed; }

}  // namespace ondol
