#include "gateway/chat_rerank.h"

#include <cmath>
#include <utility>

namespace ondol {

// Of one prompt.
class ChatRerank::Sink final : public TokenSink {
 public:
  Sink(std::shared_ptr<ChatRerank> owner, size_t index) : owner_(std::move(owner)), index_(index) {}
  void on_token(const TokenEvent&) override {}
  void on_finish(const FinishEvent& event) override { owner_->judged(index_, event); }

 private:
  const std::shared_ptr<ChatRerank> owner_;
  const size_t index_;
};

ChatRerank::ChatRerank(ModelLease model, RerankPrompts prompts, Taker take)
    : model_(std::move(model)), prompts_(std::move(prompts)), take_(std::move(take)), scores_(prompts_.prompts.size()) {}

Status ChatRerank::start() {
  const std::scoped_lock lock(mutex_);
  if (error_) return std::unexpected(*error_);
  return submit_more();
}

void ChatRerank::cancel() {
  const std::scoped_lock lock(mutex_);
  give_up({Code::kCancelled, "The client left."});
}

// An engine whose queue is full gets the rest when it is through with what it has of this request. An error only if it has nothing.
Status ChatRerank::submit_more() {
  while (next_ < prompts_.prompts.size() && at_work_.size() < kInFlight) {
    GenerateRequest request;
    request.prompt = prompts_.prompts[next_];
    request.prompt_only = true;
    request.sampling.temperature = 0;
    request.score_tokens = {prompts_.yes, prompts_.no};
    const Result<uint64_t> id = model_->gate->submit(std::move(request), std::make_shared<Sink>(shared_from_this(), next_));
    if (id) {
      at_work_[next_++] = *id;
    } else if (at_work_.empty()) {
      return std::unexpected(id.error());
    } else {
      if (id.error().code != Code::kResourceExhausted) give_up(id.error());
      return {};
    }
  }
  return {};
}

void ChatRerank::judged(size_t index, const FinishEvent& event) {
  Taker take;
  Result<std::vector<double>> result;
  {
    const std::scoped_lock lock(mutex_);
    at_work_.erase(index);
    if (event.scores.size() == 2) {
      scores_[index] = 1 / (1 + std::exp(static_cast<double>(event.scores[1]) - static_cast<double>(event.scores[0])));
    } else if (event.reason == FinishReason::kError) {
      give_up(event.error);
    } else {
      give_up({Code::kUnavailable, "The server stopped this request; it is shutting down."});
    }
    if (!error_) {
      if (const Status more = submit_more(); !more) give_up(more.error());
    }
    if (!at_work_.empty()) return;
    take.swap(take_);
    if (error_) {
      result = std::unexpected(*error_);
    } else {
      result = std::move(scores_);
    }
  }
  take(std::move(result));
}

// The first error counts; what is at work ends soon.
void ChatRerank::give_up(Error error) {
  if (error_) return;
  error_ = std::move(error);
  for (const auto& [index, id] : at_work_) model_->gate->cancel(id);
}

}  // namespace ondol
