#include "engine/core.h"

#include <algorithm>
#include <limits>

namespace ondol {
namespace {

// Prompt tokens that always enter beside streams, however slow they are, so that no prompt starves; one register tile of matrix rows.
constexpr int kLeastPrefill = 8;
// What enters beside streams before the first steps have told the speed.
constexpr int kUnknownPrefill = 32;
// Guesses in a step. A step of up to 8 rows still is bound by reading the weights, so that guesses cost little; many streams fill it
// themselves.
constexpr int kDraftRows = 7;

bool before(const Sequence& a, const Sequence& b) {
  return a.request.priority != b.request.priority ? a.request.priority < b.request.priority : a.id < b.id;
}

}  // namespace

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
  if (request.prompt_logprobs > 20)
    return fail(Code::kInvalidArgument, "prompt_logprobs is " + std::to_string(request.prompt_logprobs) + " but must be at most 20");
  if (request.score_tokens.size() > 16)
    return fail(Code::kInvalidArgument,
                "score_tokens has " + std::to_string(request.score_tokens.size()) + " entries; at most 16 are taken");
  for (const int32_t token : request.score_tokens) {
    if (token < 0 || token >= vocab)
      return fail(Code::kInvalidArgument,
                  "score_tokens names token " + std::to_string(token) + " of a vocabulary of " + std::to_string(vocab));
  }
  return validate(request.sampling, vocab);
}

void Core::add(uint64_t id, GenerateRequest request, std::shared_ptr<TokenSink> sink, int64_t submitted_us) {
  auto s = std::make_unique<Sequence>();
  s->id = id;
  s->tokens = request.prompt;
  s->prompt_tokens = static_cast<int>(request.prompt.size());
  if (needs_counts(request.sampling))
    for (const int32_t token : request.prompt) ++s->counts.of[token].prompt;
  if (request.grammar != nullptr) s->matcher.emplace(request.grammar);
  if (request.prompt_logprobs >= 0) {
    s->prompt_scores.push_back({.token = request.prompt.front(), .logprob = std::numeric_limits<float>::quiet_NaN(), .top = {}});
  }
  // With penalties a guess would have to be counted before it is known to be right, with a grammar it would have to be taken back from it.
  if (!needs_counts(request.sampling) && !s->matcher) s->prediction = DraftSource(std::move(request.prediction));
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
  end_stopped();
  admit();
  const std::vector<int> counts = reserve_or_preempt(plan());
  const int rows = compute(counts);
  const int64_t elapsed_us = clock_.now_us() - begin_us;
  if (rows > 0) learn_speed(counts, elapsed_us);
  sweep();
  if (rows == 0) return 0;
  ++steps_;
  metrics_->rows.observe(rows);
  metrics_->step.observe(static_cast<double>(elapsed_us) * 1e-6);
  return rows;
}

void Core::learn_speed(const std::vector<int>& plan, int64_t elapsed_us) {
  int streams = 0, prompt_rows = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    if (plan[i] == 0) continue;
    // Forced tokens and guesses are rows like a prompt's.
    streams += streaming_[i] ? 1 : 0;
    prompt_rows += streaming_[i] ? plan[i] - 1 : plan[i];
  }
  speed_.observe(streams, prompt_rows, elapsed_us);
}

bool Core::end_if_stopped(Sequence& s, int64_t now_us) {
  if (s.cancelled) {
    finish(s, FinishReason::kCancelled);
  } else if (s.request.timeout_us > 0 && now_us - s.submitted_us >= s.request.timeout_us) {
    finish(s, FinishReason::kError,
           {Code::kDeadlineExceeded, "the request's deadline of " + std::to_string(s.request.timeout_us / 1000) + " ms passed " +
                                         (s.scheduled_us == 0 ? "while it waited" : "before the answer was complete")});
  }
  return s.finished;
}

void Core::end_stopped() {
  const int64_t now_us = clock_.now_us();
  std::erase_if(waiting_, [&](const Item& s) { return end_if_stopped(*s, now_us); });
  for (const Item& s : running_) end_if_stopped(*s, now_us);
  sweep();
}

// The most urgent first, as long as the whole prompts of all that run fit into the cache; what answers add later may preempt.
void Core::admit() {
  const KvLayout& layout = cache_->pool().layout();
  const auto bytes = [&](const Sequence& s) { return layout.sequence_bytes(std::ssize(s.tokens) + 1, options_.step_tokens); };
  uint64_t held = 0;
  for (const Item& s : running_) held += bytes(*s);
  while (!waiting_.empty() && std::ssize(running_) < options_.max_running) {
    const auto next = std::ranges::min_element(waiting_, [](const Item& a, const Item& b) { return before(*a, *b); });
    Sequence& s = **next;
    held += bytes(s);
    if (!running_.empty() && held > cache_->pool().budget_bytes()) break;
    cache_->enter(s);
    if (s.scheduled_us == 0) s.scheduled_us = clock_.now_us();
    const auto place = std::ranges::upper_bound(
        running_, s, [](const Sequence& a, const Sequence& b) { return before(a, b); },
        [](const Item& item) -> const Sequence& { return *item; });
    running_.insert(place, std::move(*next));
    waiting_.erase(next);
  }
}

bool Core::waits_for_other(size_t index) const {
  for (size_t other = 0; other < index; ++other)
    if (cache_->same_next_block(*running_[index], *running_[other])) return true;
  return false;
}

SequenceView Core::view(size_t index) {
  Sequence& s = *running_[index];
  SequenceView view;
  view.answering = s.completion_tokens > 0;
  view.scored = s.scoring();
  if (s.pending() > 1 && !view.scored) {
    const auto gained = static_cast<int>(cache_->attach(s));
    if (!view.answering) s.cached_tokens += gained;
    view.waits = waits_for_other(index);
  }
  view.computed = s.computed;
  view.pending = s.pending();
  s.draft.clear();
  if (view.answering && view.pending == 1 && !s.prediction.empty()) {
    int64_t room = options_.max_context - std::ssize(s.tokens) - 1;
    if (s.request.max_tokens > 0) room = std::min<int64_t>(room, s.request.max_tokens - s.completion_tokens - 1);
    const auto guesses = s.prediction.next(s.answer(), static_cast<int>(std::clamp<int64_t>(room, 0, kDraftRows)));
    s.draft.assign(guesses.begin(), guesses.end());
    view.drafts = static_cast<int>(guesses.size());
  }
  return view;
}

std::vector<int> Core::plan() {
  std::vector<SequenceView> views;
  int streams = 0;
  streaming_.clear();
  for (size_t i = 0; i < running_.size(); ++i) {
    views.push_back(view(i));
    streaming_.push_back(is_stream(views.back()));
    streams += streaming_.back() ? 1 : 0;
  }
  int mixed = options_.mixed_prefill;
  if (options_.stream_slowdown > 0)
    mixed = speed_.prompt_rows(streams, options_.stream_slowdown, kLeastPrefill, options_.mixed_prefill, kUnknownPrefill);
  return plan_step(views, {options_.step_tokens, mixed, kKvBlock, std::max(0, kDraftRows + 1 - streams)});
}

// Blocks for all that the plan computes. When the cache is full the least urgent, latest arrival goes back to the queue: its tokens are
// kept, its answer will go on where it was, bit for bit.
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
  stats.forced_tokens = forced_tokens_;
  stats.steps = steps_;
  stats.weight_bytes = weights_.bytes();
  return stats;
}

}  // namespace ondol
