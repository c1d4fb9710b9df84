#include "gateway/model_metrics.h"

namespace ondol {
namespace {

// From a decode step of a small model (about 5 ms) to a prefill of a long prompt on a slow machine (minutes).
const std::vector<double> kFirstTokenBounds_s = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};
const std::vector<double> kNextTokenBounds_s = {0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5};

Counter& ended(Registry& registry, const std::string& model, const char* reason) {
  return registry.counter("ondol_answers_total", "Answers, by how they ended.", {{"model", model}, {"finish_reason", reason}});
}

double seconds(int64_t us) { return static_cast<double>(us) * 1e-6; }

}  // namespace

ModelMetrics::ModelMetrics(Registry& registry, const std::string& model)
    : stop_(ended(registry, model, "stop")),
      length_(ended(registry, model, "length")),
      cancelled_(ended(registry, model, "cancelled")),
      error_(ended(registry, model, "error")),
      running_(registry.gauge("ondol_requests_running", "Sequences in the engine's batch.", {{"model", model}})),
      waiting_(registry.gauge("ondol_requests_waiting", "Requests in the engine's queue.", {{"model", model}})),
      kv_total_(registry.gauge("ondol_kv_blocks", "Blocks of the KV cache, by state.", {{"model", model}, {"state", "total"}})),
      kv_free_(registry.gauge("ondol_kv_blocks", "", {{"model", model}, {"state", "free"}})),
      kv_cached_(registry.gauge("ondol_kv_blocks", "", {{"model", model}, {"state", "cached"}})),
      weight_bytes_(registry.gauge("ondol_weight_bytes", "Memory of the packed weights.", {{"model", model}})),
      kv_bytes_(registry.gauge("ondol_kv_bytes", "Memory of the KV cache.", {{"model", model}})),
      prompt_tokens_(registry.counter("ondol_prompt_tokens_total", "Prompt tokens of all requests.", {{"model", model}})),
      cached_tokens_(registry.counter("ondol_prompt_tokens_cached_total", "Prompt tokens that the prefix cache held.", {{"model", model}})),
      completion_tokens_(registry.counter("ondol_completion_tokens_total", "Tokens generated.", {{"model", model}})),
      forced_tokens_(registry.counter("ondol_forced_tokens_total", "Tokens that a grammar left no choice about.", {{"model", model}})),
      steps_(registry.counter("ondol_engine_steps_total", "Forward passes.", {{"model", model}})),
      first_token_s_(registry.histogram("ondol_time_to_first_token_seconds", "Request received to first token.", kFirstTokenBounds_s,
                                        {{"model", model}})),
      next_token_s_(registry.histogram("ondol_inter_token_latency_seconds", "Between two tokens of one answer.", kNextTokenBounds_s,
                                       {{"model", model}})),
      queue_s_(registry.histogram("ondol_queue_seconds", "Submitted to first scheduled.", kFirstTokenBounds_s, {{"model", model}})) {}

void ModelMetrics::update(const EngineStats& stats) {
  running_.set(stats.running);
  waiting_.set(stats.waiting);
  kv_total_.set(static_cast<double>(stats.kv_blocks_total));
  kv_free_.set(static_cast<double>(stats.kv_blocks_free));
  kv_cached_.set(static_cast<double>(stats.kv_blocks_cached));
  weight_bytes_.set(static_cast<double>(stats.weight_bytes));
  kv_bytes_.set(static_cast<double>(stats.kv_bytes));
  const std::scoped_lock lock(mutex_);
  prompt_tokens_.add(stats.prompt_tokens - last_.prompt_tokens);
  cached_tokens_.add(stats.cached_tokens - last_.cached_tokens);
  completion_tokens_.add(stats.completion_tokens - last_.completion_tokens);
  forced_tokens_.add(stats.forced_tokens - last_.forced_tokens);
  steps_.add(stats.steps - last_.steps);
  last_ = stats;
}

void ModelMetrics::first_token(int64_t since_request_us) { first_token_s_.observe(seconds(since_request_us)); }
void ModelMetrics::next_token(int64_t since_last_us) { next_token_s_.observe(seconds(since_last_us)); }
void ModelMetrics::queued(int64_t queue_us) { queue_s_.observe(seconds(queue_us)); }

void ModelMetrics::finished(std::string_view reason) {
  Counter& counter = reason == "stop" ? stop_ : reason == "length" ? length_ : reason == "cancelled" ? cancelled_ : error_;
  counter.add();
}

}  // namespace ondol
