#include <algorithm>

#include "engine/core.h"
#include "model/tokenizer.h"

namespace ondol {

int Core::compute(const std::vector<int>& plan) {
  const int64_t begin_us = clock_.now_us();
  std::vector<ForwardSpan> spans;
  std::vector<Drawing> drawing;
  std::vector<Scoring> scoring;
  std::vector<uint64_t> ids;
  int rows = 0;
  size_t logit_rows = 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (plan[i] == 0) continue;
    Sequence& s = *running_[i];
    const int64_t pending = s.pending();
    const bool last = plan[i] >= pending;
    s.draft.resize(last ? static_cast<size_t>(plan[i] - pending) : 0);
    s.tokens.insert(s.tokens.end(), s.draft.begin(), s.draft.end());
    const int scored = add_scoring(s, plan[i], logit_rows, scoring);
    const int wanted = scored + (last ? 1 + static_cast<int>(s.draft.size()) : 0);
    spans.push_back(
        {std::span(s.tokens).subspan(static_cast<size_t>(s.computed), static_cast<size_t>(plan[i])), s.computed, &s.blocks, wanted});
    if (last) drawing.push_back({&s, logit_rows + static_cast<size_t>(scored), {}, {}});
    logit_rows += static_cast<size_t>(wanted);
    ids.push_back(s.id);
    rows += plan[i];
  }
  if (rows == 0) return 0;
  std::vector<MaskWorker::Job> jobs;
  for (const Drawing& d : drawing)
    if (d.sequence->matcher) jobs.push_back({&*d.sequence->matcher, &d.sequence->allowed});
  masks_.start(std::move(jobs));
  const std::span<float> logits = probe_.logits ? probed_forward(spans, ids) : forward_->run(spans);
  for (size_t i = 0; i < running_.size(); ++i) {
    if (plan[i] == 0) continue;
    Sequence& s = *running_[i];
    s.tokens.resize(s.tokens.size() - s.draft.size());
    cache_->advance(s, plan[i] - static_cast<int64_t>(s.draft.size()));
  }
  masks_.wait();
  report(spans, ids, begin_us);
  score_prompts(logits, scoring);
  draw(logits, drawing);
  return rows;
}

void Core::report(std::span<const ForwardSpan> spans, const std::vector<uint64_t>& ids, int64_t begin_us) const {
  if (!options_.on_step) return;
  std::vector<StepShare> shares;
  shares.reserve(spans.size());
  for (size_t i = 0; i < spans.size(); ++i) shares.push_back({ids[i], static_cast<int>(spans[i].tokens.size()), spans[i].first_position});
  options_.on_step({begin_us, clock_.now_us(), shares});
}

// The rows of the plan that score prompt tokens, which are the last ones but for the row that draws; their number. A prompt that is
// computed again has some scores already.
int Core::add_scoring(Sequence& s, int planned, size_t first_row, std::vector<Scoring>& scoring) const {
  if (!s.scoring()) return 0;
  const auto known = std::ssize(s.prompt_scores);
  const int64_t end = std::min<int64_t>(s.computed + planned + 1, s.prompt_tokens);
  for (int64_t token = known; token < end; ++token)
    scoring.push_back({&s, first_row + static_cast<size_t>(token - known), s.tokens[static_cast<size_t>(token)], {}});
  return static_cast<int>(std::max<int64_t>(0, end - known));
}

// Before tokens are drawn, which may write into the logits.
void Core::score_prompts(std::span<const float> logits, std::vector<Scoring>& scoring) {
  if (scoring.empty()) return;
  const auto vocab = static_cast<size_t>(model_->spec().vocab);
  WorkCounter next;
  team_.run([&](int) {
    for (int64_t i; (i = next.take(1)) < std::ssize(scoring);) {
      Scoring& one = scoring[static_cast<size_t>(i)];
      one.event = score(vector_kernels(isa_), logits.subspan(one.row * vocab, vocab), one.token, one.sequence->request.prompt_logprobs);
    }
  });
  for (Scoring& one : scoring) {
    if (one.sequence->finished) continue;
    if (!one.event) {
      finish(*one.sequence, FinishReason::kError, one.event.error());
    } else {
      one.sequence->prompt_scores.push_back(std::move(*one.event));
    }
  }
}

// As Forward::run, with logits of all rows shown to the probe; those that are wanted are moved to the front.
std::span<float> Core::probed_forward(std::span<const ForwardSpan> spans, const std::vector<uint64_t>& ids) {
  const auto vocab = static_cast<size_t>(model_->spec().vocab);
  const std::span<float> logits = forward_->run(spans, true, [&](int index, int span, int64_t position, std::span<const float> hidden) {
    probe_.hidden(ids[static_cast<size_t>(span)], index, position, hidden);
  });
  size_t row = 0, kept = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    const auto tokens = std::ssize(spans[i].tokens);
    for (int64_t t = 0; t < tokens; ++t, ++row) {
      const std::span<float> row_logits = logits.subspan(row * vocab, vocab);
      probe_.logits(ids[i], spans[i].first_position + t, row_logits);
      if (t >= tokens - spans[i].logit_rows) std::ranges::copy(row_logits, logits.subspan(kept++ * vocab, vocab).begin());
    }
  }
  return logits.first(kept * vocab);
}

// Empty also where the row is damaged, which the drawing says.
std::vector<float> Core::first_scores(const Sequence& s, std::span<const float> logits) const {
  std::vector<float> out;
  if (s.completion_tokens > 0) return out;
  for (const int32_t token : s.request.score_tokens) {
    const Result<TokenEvent> event = score(vector_kernels(isa_), logits, token, 0);
    if (!event) return {};
    out.push_back(event->logprob);
  }
  return out;
}

// All that the sequence's rows give: a token, and one more for each guess that the token before confirms.
Result<std::vector<TokenEvent>> Core::sample_rows(const Sequence& s, std::span<float> logits) const {
  const auto vocab = static_cast<size_t>(model_->spec().vocab);
  std::vector<TokenEvent> events;
  if (s.matcher && s.allowed.empty()) return fail(Code::kResourceExhausted, "there was no memory for the grammar of this answer");
  for (size_t row = 0; row <= s.draft.size(); ++row) {
    ONDOL_TRY(TokenEvent event, sample(vector_kernels(isa_), logits.subspan(row * vocab, vocab), s.request.sampling, s.counts,
                                       static_cast<uint64_t>(s.completion_tokens) + row, s.allowed));
    const bool confirmed = row < s.draft.size() && event.token == s.draft[row];
    events.push_back(std::move(event));
    if (!confirmed) break;
  }
  return events;
}

// The next step needs these tokens, so the whole team draws them, each member for other sequences.
void Core::draw(std::span<float> logits, std::vector<Drawing>& drawing) {
  if (drawing.empty()) return;
  const auto vocab = static_cast<size_t>(model_->spec().vocab);
  WorkCounter next;
  team_.run([&](int) {
    for (int64_t i; (i = next.take(1)) < std::ssize(drawing);) {
      Drawing& d = drawing[static_cast<size_t>(i)];
      const std::span<float> rows = logits.subspan(d.first_row * vocab);
      d.first_scores = first_scores(*d.sequence, rows.first(vocab));
      d.events = sample_rows(*d.sequence, rows);
    }
  });
  for (Drawing& d : drawing) take(d);
}

void Core::take(Drawing& drawing) {
  Sequence& s = *drawing.sequence;
  if (s.finished) return;  // its prompt could not be scored
  if (!drawing.events) return finish(s, FinishReason::kError, drawing.events.error());
  if (s.completion_tokens == 0) s.first_scores = std::move(drawing.first_scores);
  if (s.scoring()) s.sink->on_prompt(std::move(s.prompt_scores));
  if (s.request.prompt_only) return finish(s, FinishReason::kLength);
  const auto confirmed = std::ssize(*drawing.events) - 1;
  s.accepted_prediction += static_cast<int>(confirmed);
  s.rejected_prediction += static_cast<int>(std::ssize(s.draft) - confirmed);
  for (const TokenEvent& event : *drawing.events)
    if (!s.finished) accept(s, event);
  // The KV of confirmed guesses is there already; of the last token it is not.
  cache_->advance(s, std::min(confirmed, s.pending()));
}

void Core::accept(Sequence& s, const TokenEvent& event) {
  deliver(s, event);
  if (!s.matcher) return;
  if (!s.finished && s.request.sampling.logprobs < 0) {
    for (const int32_t token : forced_tokens(s)) {
      if (s.finished) return;
      TokenEvent forced;
      forced.token = token;
      deliver(s, forced);
      ++forced_tokens_;
    }
  }
  if (!s.finished && s.matcher->must_end()) finish(s, FinishReason::kStop);
}

// The tokens of the text that the grammar leaves no choice about: as the tokenizer would write it, without the last one, which may still
// grow into a longer token with what follows, unless nothing follows.
std::vector<int32_t> Core::forced_tokens(const Sequence& s) const {
  const std::string text = s.matcher->forced();
  const Tokenizer* tokenizer = model_->tokenizer();
  if (text.size() < 2 || tokenizer == nullptr) return {};
  Result<std::vector<int32_t>> tokens = tokenizer->encode(text, {.add_special = false, .parse_special = false});
  if (!tokens) return {};
  GrammarMatcher ahead = *s.matcher;
  std::string spelled;
  for (const int32_t token : *tokens) {
    spelled += tokenizer->token_bytes(token);
    if (!ahead.accept(token)) return {};
  }
  if (spelled != text) return {};
  if (!ahead.must_end()) tokens->pop_back();
  return std::move(*tokens);
}

void Core::deliver(Sequence& s, const TokenEvent& event) {
  const int64_t now_us = clock_.now_us();
  if (s.completion_tokens++ == 0) s.first_token_us = now_us;
  ++completion_tokens_;
  if (std::ranges::find(s.request.stop_tokens, event.token) != s.request.stop_tokens.end()) return finish(s, FinishReason::kStop);
  if (s.matcher && !s.matcher->accept(event.token))
    return finish(s, FinishReason::kError, {Code::kInternal, "the grammar does not take a token that it allowed"});
  s.sink->on_token(event);
  s.tokens.push_back(event.token);
  if (needs_counts(s.request.sampling)) ++s.counts.of[event.token].answer;
  const bool answer_full = s.request.max_tokens > 0 && s.completion_tokens >= s.request.max_tokens;
  if (answer_full || std::ssize(s.tokens) >= options_.max_context) finish(s, FinishReason::kLength);
}

void Core::finish(Sequence& s, FinishReason reason, Error error) {
  s.finished = true;
  const int64_t now_us = clock_.now_us();
  FinishEvent event;
  event.id = s.id;
  event.reason = reason;
  event.error = std::move(error);
  event.prompt_tokens = s.prompt_tokens;
  event.cached_tokens = s.cached_tokens;
  event.completion_tokens = s.completion_tokens;
  event.accepted_prediction = s.accepted_prediction;
  event.rejected_prediction = s.rejected_prediction;
  event.scores = std::move(s.first_scores);
  event.queue_us = (s.scheduled_us == 0 ? now_us : s.scheduled_us) - s.submitted_us;
  event.first_token_us = s.completion_tokens == 0 ? 0 : s.first_token_us - s.submitted_us;
  event.total_us = now_us - s.submitted_us;
  prompt_tokens_ += static_cast<uint64_t>(s.prompt_tokens);
  cached_tokens_ += static_cast<uint64_t>(s.cached_tokens);
  s.sink->on_finish(event);
}

void Core::sweep() {
  for (const Item& s : running_)
    if (s->finished) cache_->release(*s);
  std::erase_if(running_, [](const Item& s) { return s->finished; });
}

}  // namespace ondol
