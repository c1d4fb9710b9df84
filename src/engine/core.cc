#include "engine/core.h"

#include <algorithm>

#include "engine/scheduler.h"

namespace ondol {

struct Core::Metrics {
  Metrics(Registry& registry, const std::string& label)
      : step(registry.histogram("ondol_step_seconds", "Time of one engine step.",
                                {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}, {{"model", label}})),
        rows(registry.histogram("ondol_step_rows", "Tokens computed in one engine step.", {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024},
                                {{"model", label}})),
        preemptions(registry.counter("ondol_preemptions_total", "Sequences put back because the KV cache was full.", {{"model", label}})) {}
  Histogram &step, &rows;
  Counter& preemptions;
};

Core::Core(std::shared_ptr<const Model> model, const EngineOptions& options, const Clock& clock, Registry& metrics)
    : model_(std::move(model)),
      options_(options),
      clock_(clock),
      isa_(best_isa()),
      team_(options.threads),
      metrics_(std::make_unique<Metrics>(metrics, options.label)) {}

Core::~Core() {
  for (const Item& s : running_) cache_->release(*s);
}

Result<std::unique_ptr<Core>> Core::create(std::shared_ptr<const Model> model, EngineOptions options, const Clock& clock, Registry& metrics,
                                           const std::function<void(double)>& progress) {
  ONDOL_TRY(const MemoryPlan memory, plan_memory(*model, options));
  std::unique_ptr<Core> core(new Core(std::move(model), options, clock, metrics));
  ONDOL_TRY(core->weights_, Weights::load(*core->model_, core->isa_, options.huge_pages, core->team_, progress));
  core->model_->drop_resident();
  core->cache_ =
      std::make_unique<KvCache>(kv_layout(core->model_->spec(), options.kv_type), memory.kv, options.huge_pages, options.prefix_cache);
  core->forward_ = std::make_unique<Forward>(core->model_->spec(), core->weights_, core->cache_->pool(), core->team_, core->isa_,
                                             options.step_tokens, options.step_tokens);
  return core;
}

Status Core::check(const GenerateRequest& request) const {
  if (request.prompt.empty()) return fail(Code::kInvalidArgument, "the prompt has no tokens");
  const int vocab = model_->spec().vocab;
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= vocab)
      return fail(Code::kInvalidArgument,
                  "the prompt holds token " + std::to_string(token) + " but the vocabulary has " + std::to_string(vocab));
  }
  if (std::ssize(request.prompt) >= options_.max_context) {
    return fail(Code::kOutOfRange, "the prompt has " + std::to_string(request.prompt.size()) + " tokens but the context of this model is " +
                                       std::to_string(options_.max_context) +
                                       " tokens; shorten the prompt or start the server with a larger --ctx");
  }
  if (request.max_tokens < 0)
    return fail(Code::kInvalidArgument, "max_tokens is " + std::to_string(request.max_tokens) + " but must be positive");
  return validate(request.sampling, vocab);
}

void Core::add(uint64_t id, GenerateRequest request, std::shared_ptr<TokenSink> sink, int64_t submitted_us) {
  auto s = std::make_unique<Sequence>();
  s->id = id;
  s->tokens = request.prompt;
  s->prompt_tokens = static_cast<int>(request.prompt.size());
  if (needs_counts(request.sampling))
    for (const int32_t token : request.prompt) ++s->counts.of[token].prompt;
  s->request = std::move(request);
  s->sink = std::move(sink);
  s->submitted_us = submitted_us;
  waiting_.push_back(std::move(s));
}

void Core::cancel(uint64_t id) {
  for (const Item& s : waiting_) s->cancelled |= s->id == id;
  for (const Item& s : running_) s->cancelled |= s->id == id;
}

void Core::cancel_all() {
  for (const Item& s : waiting_) s->cancelled = true;
  for (const Item& s : running_) s->cancelled = true;
}

int Core::step() {
  const int64_t begin_us = clock_.now_us();
  end_cancelled();
  admit();
  const std::vector<int> counts = reserve_or_preempt(plan());
  const int rows = compute(counts);
  sweep();
  if (rows == 0) return 0;
  ++steps_;
  metrics_->rows.observe(rows);
  metrics_->step.observe(static_cast<double>(clock_.now_us() - begin_us) * 1e-6);
  return rows;
}

void Core::end_cancelled() {
  for (const Item& s : waiting_)
    if (s->cancelled) finish(*s, FinishReason::kCancelled);
  std::erase_if(waiting_, [](const Item& s) { return s->finished; });
  for (const Item& s : running_)
    if (s->cancelled) finish(*s, FinishReason::kCancelled);
  sweep();
}

// In order of arrival, as long as the whole prompts of all that run fit into the cache; what answers add later may preempt.
void Core::admit() {
  const KvLayout& layout = cache_->pool().layout();
  const auto bytes = [&](const Sequence& s) { return layout.sequence_bytes(std::ssize(s.tokens) + 1, options_.step_tokens); };
  uint64_t held = 0;
  for (const Item& s : running_) held += bytes(*s);
  while (!waiting_.empty() && std::ssize(running_) < options_.max_running) {
    Sequence& next = *waiting_.front();
    held += bytes(next);
    if (!running_.empty() && held > cache_->pool().budget_bytes()) break;
    cache_->enter(next);
    if (next.scheduled_us == 0) next.scheduled_us = clock_.now_us();
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Core::waits_for_other(size_t index) const {
  for (size_t other = 0; other < index; ++other)
    if (cache_->same_next_block(*running_[index], *running_[other])) return true;
  return false;
}

std::vector<int> Core::plan() {
  std::vector<SequenceView> views;
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& s = *running_[i];
    bool waits = false;
    if (s.pending() > 1) {
      const auto gained = static_cast<int>(cache_->attach(s));
      if (s.completion_tokens == 0) s.cached_tokens += gained;
      waits = waits_for_other(i);
    }
    views.push_back({s.computed, s.pending(), waits});
  }
  return plan_step(views, {options_.step_tokens, options_.mixed_prefill, kKvBlock});
}

// Blocks for all that the plan computes. When the cache is full the latest arrival goes back to the queue: its tokens are kept, its answer
// will go on where it was, bit for bit.
std::vector<int> Core::reserve_or_preempt(std::vector<int> plan) {
  for (size_t i = 0; i < running_.size(); ++i) {
    while (i < running_.size() && plan[i] > 0 && !cache_->reserve(*running_[i], running_[i]->computed + plan[i])) {
      preempt_last();
      plan.resize(running_.size());
    }
  }
  return plan;
}

void Core::preempt_last() {
  Item s = std::move(running_.back());
  running_.pop_back();
  cache_->release(*s);
  metrics_->preemptions.add();
  if (running_.empty()) {
    // It was alone and still found no room: `check` bounds the context by the cache, so only a leak of blocks could lead here.
    finish(*s, FinishReason::kError, {Code::kResourceExhausted, "the KV cache is too small for this request"});
    return;
  }
  waiting_.push_front(std::move(s));
}

int Core::compute(const std::vector<int>& plan) {
  std::vector<ForwardSpan> spans;
  std::vector<Sequence*> drawing;
  std::vector<uint64_t> ids;
  int rows = 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (plan[i] == 0) continue;
    Sequence& s = *running_[i];
    const bool last = s.computed + plan[i] == std::ssize(s.tokens);
    spans.push_back(
        {std::span(s.tokens).subspan(static_cast<size_t>(s.computed), static_cast<size_t>(plan[i])), s.computed, &s.blocks, last});
    if (last) drawing.push_back(&s);
    ids.push_back(s.id);
    rows += plan[i];
  }
  if (rows == 0) return 0;
  const std::span<float> logits = probe_.logits ? probed_forward(spans, ids) : forward_->run(spans);
  for (size_t i = 0; i < running_.size(); ++i)
    if (plan[i] > 0) cache_->advance(*running_[i], plan[i]);
  draw(logits, drawing);
  return rows;
}

// As Forward::run, with logits of all rows shown to the probe; those that are wanted are moved to the front.
std::span<float> Core::probed_forward(std::span<const ForwardSpan> spans, const std::vector<uint64_t>& ids) {
  const auto vocab = static_cast<size_t>(model_->spec().vocab);
  const std::span<float> logits = forward_->run(spans, true, [&](int index, int span, int64_t position, std::span<const float> hidden) {
    probe_.hidden(ids[static_cast<size_t>(span)], index, position, hidden);
  });
  size_t row = 0, kept = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    for (size_t t = 0; t < spans[i].tokens.size(); ++t, ++row) {
      const std::span<float> row_logits = logits.subspan(row * vocab, vocab);
      probe_.logits(ids[i], spans[i].first_position + static_cast<int64_t>(t), row_logits);
      if (t + 1 == spans[i].tokens.size() && spans[i].last_logits)
        std::ranges::copy(row_logits, logits.subspan(kept++ * vocab, vocab).begin());
    }
  }
  return logits.first(kept * vocab);
}

void Core::draw(std::span<float> logits, const std::vector<Sequence*>& drawing) {
  const auto vocab = static_cast<size_t>(model_->spec().vocab);
  std::vector<Result<TokenEvent>> events(drawing.size());
  WorkCounter next;
  const auto sample_rows = [&](int) {
    for (int64_t i; (i = next.take(1)) < std::ssize(drawing);) {
      const Sequence& s = *drawing[static_cast<size_t>(i)];
      events[static_cast<size_t>(i)] = sample(vector_kernels(isa_), logits.subspan(static_cast<size_t>(i) * vocab, vocab),
                                              s.request.sampling, s.counts, static_cast<uint64_t>(s.completion_tokens));
    }
  };
  if (!drawing.empty()) team_.run(sample_rows);
  for (size_t i = 0; i < drawing.size(); ++i) {
    if (events[i]) {
      accept(*drawing[i], *events[i]);
    } else {
      finish(*drawing[i], FinishReason::kError, events[i].error());
    }
  }
}

void Core::accept(Sequence& s, const TokenEvent& event) {
  const int64_t now_us = clock_.now_us();
  if (s.completion_tokens++ == 0) s.first_token_us = now_us;
  ++completion_tokens_;
  if (std::ranges::find(s.request.stop_tokens, event.token) != s.request.stop_tokens.end()) return finish(s, FinishReason::kStop);
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
  event.reason = reason;
  event.error = std::move(error);
  event.prompt_tokens = s.prompt_tokens;
  event.cached_tokens = s.cached_tokens;
  event.completion_tokens = s.completion_tokens;
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

EngineStats Core::stats() const {
  const KvPool& pool = cache_->pool();
  EngineStats stats;
  stats.running = running();
  stats.waiting = waiting();
  stats.kv_bytes = pool.budget_bytes();
  stats.kv_used_bytes = pool.used_bytes();
  uint64_t block_bytes = 0;
  for (const KvGroup& group : pool.layout().groups) block_bytes += group.block_bytes;
  if (block_bytes > 0) {
    stats.kv_blocks_total = pool.budget_bytes() / block_bytes;
    stats.kv_blocks_free = (pool.budget_bytes() - pool.used_bytes()) / block_bytes;
  }
  stats.kv_blocks_cached = cache_->nodes();
  stats.prompt_tokens = prompt_tokens_;
  stats.cached_tokens = cached_tokens_;
  stats.completion_tokens = completion_tokens_;
  stats.steps = steps_;
  stats.weight_bytes = weights_.bytes();
  return stats;
}

}  // namespace ondol
