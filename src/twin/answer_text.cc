#include "twin/answer_text.h"

#include <utility>

namespace ondol {

void HeardText::hear(std::string text) {
  const std::scoped_lock lock(mutex_);
  if (ending_) return;
  bytes_ += text.size();
  texts_.push_back(std::move(text));
  if (bytes_ > kMaxHeardBytes) ending_ = fail(Code::kResourceExhausted, "it says far more than the twin has time to say");
}

void HeardText::end(const Result<std::string>& finish) {
  const std::scoped_lock lock(mutex_);
  if (!ending_) ending_ = finish;
}

std::optional<std::string> HeardText::take() {
  const std::scoped_lock lock(mutex_);
  if (texts_.empty()) return std::nullopt;
  std::string text = std::move(texts_.front());
  texts_.pop_front();
  bytes_ -= text.size();
  return text;
}

std::optional<Result<std::string>> HeardText::ending() const {
  const std::scoped_lock lock(mutex_);
  return texts_.empty() ? ending_ : std::nullopt;
}

bool HeardText::ended() const {
  const std::scoped_lock lock(mutex_);
  return ending_.has_value();
}

std::optional<SaidToken> AnswerText::next(int64_t arrived, bool ended) {
  if (over_) return std::nullopt;
  std::optional<SaidToken> said = heard_ == nullptr ? next_filler(arrived, ended) : next_heard(arrived);
  if (!said) return said;
  ++tokens_;
  said->shown = options_.stops.push(said->text, tokens_ > options_.min_tokens);
  if (stopped()) {
    said->finish = "stop";
  } else if (!said->finish.empty()) {
    said->shown += options_.stops.finish();
  }
  over_ = !said->finish.empty();
  return said;
}

// The last token says why the answer ended, so it waits until that is known.
std::optional<SaidToken> AnswerText::next_filler(int64_t arrived, bool ended) {
  const char* const finish = options_.natural ? "stop" : "length";
  if (tokens_ >= arrived) return ended ? std::optional(SaidToken{.text = "", .finish = finish}) : std::nullopt;  // earlier than was asked
  const bool last = tokens_ + 1 == arrived && (ended || arrived >= options_.max_tokens);
  if (last && !ended) return std::nullopt;
  const bool silent = last && options_.natural && options_.silent_stop;
  return SaidToken{.text = silent ? std::string() : filler_.next(options_.piece_bytes), .finish = last ? finish : ""};
}

std::optional<SaidToken> AnswerText::next_heard(int64_t arrived) {
  if (tokens_ >= arrived) return std::nullopt;
  if (auto text = heard_->take()) return SaidToken{.text = std::move(*text), .finish = tokens_ + 1 >= options_.max_tokens ? "length" : ""};
  const auto ending = heard_->ending();
  if (!ending || !*ending) return std::nullopt;
  return SaidToken{.text = "", .finish = **ending};
}

}  // namespace ondol
