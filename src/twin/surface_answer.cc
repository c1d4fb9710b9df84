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
      started_us_(clock_.now_us()),
      parts_(request_.prompts.size() * static_cast<size_t>(request_.copies)) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].last_us = started_us_;
    const size_t copy = i % static_cast<size_t>(request_.copies);
    parts_[i].filler = FillerText(prompt_hash(request_.prompts[i / static_cast<size_t>(request_.copies)], deps_.seed + copy));
  }
}

void SurfaceAnswer::submit_all() {
  const std::shared_ptr<TwinEngine> engine = deps_.engine.lock();
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Result<uint64_t> id = engine == nullptr ? fail(Code::kUnavailable, "the engine is gone")
                                                  : engine->submit(engine_request(i), std::make_shared<Sink>(shared_from_this(), i));
    if (!id) {
      // Posted: what the other parts have posted already comes first, and finds an answer that is not over.
      return exchange_->post([self = shared_from_this(), error = id.error()] { self->fail_with(error); });
    }
    const std::scoped_lock lock(mutex_);
    parts_[i].id = *id;
    parts_[i].submitted = true;
  }
}

// With what it will say, so that the next turn of a conversation finds the answer in the prefix cache.
TwinRequest SurfaceAnswer::engine_request(size_t part) const {
  constexpr int64_t kMaxForetold = 4096;
  TwinRequest request;
  request.prompt = request_.prompts[part / static_cast<size_t>(request_.copies)];
  request.max_tokens = request_.max_tokens;
  request.stop_after = request_.natural ? request_.max_tokens : 0;
  FillerText filler = parts_[part].filler;
  for (int64_t i = 0; i < std::min(request_.max_tokens, kMaxForetold); ++i) {
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
  if (request_.stream) wake(lock);
}

void SurfaceAnswer::finished(size_t part, TwinFinish reason, const TwinUsage& usage) {
  std::unique_lock lock(mutex_);
  Part& at = parts_[part];
  at.finish = reason;
  at.usage = usage;
  const std::string_view name = reason == TwinFinish::kAborted       ? "abort"
                                : reason == TwinFinish::kEngineError ? "error"
                                : request_.natural                   ? "stop"
                                                                     : "length";
  deps_.metrics->finished(name, twin_seconds(clock_.now_us() - started_us_), usage.prompt_tokens, at.arrived, request_.max_tokens);
  wake(lock);
}

void SurfaceAnswer::wake(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(posted_, true)) return;
  lock.unlock();
  exchange_->post([self = shared_from_this()] { self->advance(); });
}

void SurfaceAnswer::advance() {
  struct News {
    int64_t arrived;
    std::optional<TwinFinish> finish;
  };
  std::vector<News> news;
  {
    const std::scoped_lock lock(mutex_);
    posted_ = false;
    for (const Part& part : parts_) news.push_back({part.arrived, part.finish});
  }
  if (over_) return;
  bool all = true;
  for (size_t i = 0; i < news.size(); ++i) {
    const auto& [arrived, finish] = news[i];
    all = all && finish.has_value();
    if (finish == TwinFinish::kAborted) return;
    const bool failed = finish == TwinFinish::kEngineError;
    if (request_.stream || (finish && !failed)) emit(i, arrived, finish.has_value() && !failed);
    if (failed) return fail_with(Error{Code::kInternal, "internal server error"});
  }
  if (all) complete();
}

// The last token says why the answer ended, so it waits until that is known.
void SurfaceAnswer::emit(size_t index, int64_t arrived, bool ended) {
  Part& part = parts_[index];
  const std::string_view finish = request_.natural ? "stop" : "length";
  while (part.emitted < arrived) {
    const bool last = part.emitted + 1 == arrived;
    if (last && !ended && arrived >= request_.max_tokens) return;
    const bool silent = last && ended && request_.natural && request_.silent_stop;
    emit_token(index, silent ? "" : part.filler.next(deps_.tokenizer.piece_bytes()), last && ended ? finish : "");
  }
  if (ended && part.choice.finish.empty()) emit_token(index, "", finish);  // it ended earlier than was asked for
}

void SurfaceAnswer::emit_token(size_t index, const std::string& text, std::string_view finish) {
  Part& part = parts_[index];
  const AnswerToken token{.choice = static_cast<int>(index),
                          .index = part.emitted,
                          .text = text,
                          .ids = text.empty() ? std::vector<int32_t>{TwinTokenizer::kEos} : deps_.tokenizer.encode(text),
                          .finish = finish};
  part.choice.text += text;
  part.choice.finish = finish;
  if (request_.return_ids) part.choice.ids.insert(part.choice.ids.end(), token.ids.begin(), token.ids.end());
  if (request_.stream) {
    if (part.emitted == 0)
      for (std::string& event : form_->begin(token.choice)) exchange_->write(std::move(event));
    for (std::string& event : form_->token(token)) exchange_->write(std::move(event));
  }
  ++part.emitted;
}

void SurfaceAnswer::complete() {
  over_ = true;
  AnswerUsage usage;
  std::vector<AnswerChoice> choices;
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    usage.completion_tokens += part.usage.completion_tokens;
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

void SurfaceAnswer::cancel() {
  std::vector<uint64_t> ids;
  {
    const std::scoped_lock lock(mutex_);
    for (const Part& part : parts_)
      if (part.submitted && !part.finish) ids.push_back(part.id);
  }
  const std::shared_ptr<TwinEngine> engine = deps_.engine.lock();
  for (const uint64_t id : ids)
    if (engine != nullptr) engine->cancel(id);
}

double SurfaceAnswer::twin_seconds(int64_t us) const { return static_cast<double>(us) * 1e-6 * deps_.speed; }

}  // namespace ondol
