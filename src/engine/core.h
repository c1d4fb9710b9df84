// The engine without threads or queues: sequences, their KV, the prefix cache, and one step at a time.
//
// Owner: the engine's step thread (or a test, or `verify_model`), alone. Bounded: EngineOptions.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/draft.h"
#include "engine/engine.h"
#include "engine/forward.h"
#include "engine/kv_cache.h"
#include "engine/mask_worker.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/step_speed.h"
#include "engine/weights.h"

namespace ondol {

struct Sequence : CachedTokens {
  uint64_t id = 0;
  GenerateRequest request;
  std::shared_ptr<TokenSink> sink;
  TokenCounts counts;
  std::optional<GrammarMatcher> matcher;
  std::span<const uint64_t> allowed;  // by the matcher, for the step that is being computed
  DraftSource prediction{{}};
  std::vector<int32_t> draft;  // guesses in the step that is being computed
  int accepted_prediction = 0, rejected_prediction = 0;
  std::vector<float> first_scores;        // of the request's score_tokens
  std::vector<TokenEvent> prompt_scores;  // of the prompt's tokens so far, where they are wanted and were not told yet
  int64_t submitted_us = 0, scheduled_us = 0, first_token_us = 0;
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;
  bool cancelled = false;
  bool finished = false;

  // The prompt is being scored: nothing of it may come from the prefix cache.
  bool scoring() const { return request.prompt_logprobs >= 0 && completion_tokens == 0; }
  std::span<const int32_t> answer() const { return std::span(tokens).subspan(static_cast<size_t>(prompt_tokens)); }
};

// What the fit in memory came to; all in bytes.
struct MemoryPlan {
  uint64_t weights = 0, kv = 0, buffers = 0, available = 0;
};

// Fills in the automatic values of `options` and says whether model, KV cache and buffers fit into the memory that is available now.
// kResourceExhausted with the sums when they do not. Nothing large is allocated.
Result<MemoryPlan> plan_memory(const Model& model, EngineOptions& options);

class Core {
 public:
  static Result<std::unique_ptr<Core>> create(std::shared_ptr<const Model> model, EngineOptions options, const Clock& clock,
                                              Registry& metrics, const std::function<void(double)>& progress = {});
  ~Core();

  // Checks a request against the model and the limits; what Engine::submit refuses.
  Status check(const GenerateRequest& request) const;
  // Takes a checked request. `submitted_us` on the core's clock.
  void add(uint64_t id, GenerateRequest request, std::shared_ptr<TokenSink> sink, int64_t submitted_us);
  void cancel(uint64_t id);
  void cancel_all();

  bool idle() const { return waiting_.empty() && running_.empty(); }
  int waiting() const { return static_cast<int>(waiting_.size()); }
  int running() const { return static_cast<int>(running_.size()); }

  // One step: ends the cancelled and the late, admits, plans, computes, draws, reports. Returns the rows that it computed.
  int step();

  // For verification: sees hidden states and logits of every token that is computed.
  struct Probe {
    std::function<void(uint64_t id, int index, int64_t position, std::span<const float> hidden)> hidden;  // index as HiddenProbe's
    std::function<void(uint64_t id, int64_t position, std::span<const float> logits)> logits;
  };
  void set_probe(Probe probe) { probe_ = std::move(probe); }

  EngineStats stats() const;
  const EngineOptions& options() const { return options_; }
  const Model& model() const { return *model_; }
  int max_context() const { return options_.max_context; }

 private:
  struct Metrics;
  using Item = std::unique_ptr<Sequence>;
  Core(std::shared_ptr<const Model> model, const EngineOptions& options, const Clock& clock, Registry& metrics);

  // core.cc: who runs
  void end_stopped();
  bool end_if_stopped(Sequence& s, int64_t now_us);
  void admit();
  std::vector<int> plan();
  SequenceView view(size_t index);
  bool waits_for_other(size_t index) const;
  std::vector<int> reserve_or_preempt(std::vector<int> plan);
  void preempt_last();
  void learn_speed(const std::vector<int>& plan, int64_t elapsed_us);

  // core_step.cc: what is computed for them
  struct Drawing {
    Sequence* sequence;
    size_t first_row;  // of its logits
    Result<std::vector<TokenEvent>> events;
    std::vector<float> first_scores;
  };
  // A row of logits that tells the log-probability of a prompt's token.
  struct Scoring {
    Sequence* sequence;
    size_t row;
    int32_t token;  // the one behind the row's own
    Result<TokenEvent> event;
  };
  int compute(const std::vector<int>& plan);
  void report(std::span<const ForwardSpan> spans, const std::vector<uint64_t>& ids, int64_t begin_us) const;
  int add_scoring(Sequence& s, int planned, size_t first_row, std::vector<Scoring>& scoring) const;
  void score_prompts(std::span<const float> logits, std::vector<Scoring>& scoring);
  std::span<float> probed_forward(std::span<const ForwardSpan> spans, const std::vector<uint64_t>& ids);
  void draw(std::span<float> logits, std::vector<Drawing>& drawing);
  std::vector<float> first_scores(const Sequence& s, std::span<const float> logits) const;
  Result<std::vector<TokenEvent>> sample_rows(const Sequence& s, std::span<float> logits) const;
  void take(Drawing& drawing);
  void accept(Sequence& s, const TokenEvent& event);
  void deliver(Sequence& s, const TokenEvent& event);
  std::vector<int32_t> forced_tokens(const Sequence& s) const;
  void finish(Sequence& s, FinishReason reason, Error error = {});
  void sweep();

  std::shared_ptr<const Model> model_;
  EngineOptions options_;
  const Clock& clock_;
  Isa isa_;
  Team team_;
  Weights weights_;
  std::unique_ptr<KvCache> cache_;
  std::unique_ptr<Forward> forward_;
  std::list<Item> waiting_;
  std::vector<Item> running_;    // the most urgent first, then in order of arrival
  std::vector<bool> streaming_;  // by running sequence, as the plan saw it
  StepSpeed speed_;
  MaskWorker masks_;
  Probe probe_;
  std::unique_ptr<Metrics> metrics_;
  uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0, forced_tokens_ = 0, steps_ = 0;
};

}  // namespace ondol
