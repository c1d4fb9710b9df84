#include "twin/surface_metrics.h"

#include <algorithm>

namespace ondol {
namespace {

std::vector<double> time_bounds() {
  return {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160};
}
std::vector<double> gap_bounds() {
  return {0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5};
}
std::vector<double> whole_bounds() { return {0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960}; }
std::vector<double> token_bounds() { return {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000}; }

}  // namespace

SurfaceMetrics::SurfaceMetrics(TwinEngineKind kind, const SurfaceOptions& options)
    : furiosa_(kind == TwinEngineKind::kFuriosaLlm), labels_{{"model_name", options.model}, {"engine", "0"}} {
  if (furiosa_) labels_.emplace_back("leader_device", options.leader_device);
  first_token_ = &histogram("time_to_first_token_seconds", "time_to_first_token_seconds", time_bounds());
  later_token_ = &histogram("inter_token_latency_seconds", "inter_token_latency_seconds", gap_bounds());
  whole_ = &histogram("e2e_request_latency_seconds", "e2e_request_latency_seconds", whole_bounds());
  prompt_tokens_ = &histogram("request_prompt_tokens", "request_prompt_tokens", token_bounds());
  tokens_ = &histogram("request_generation_tokens", "request_generation_tokens", token_bounds());
  asked_tokens_ = &histogram("request_params_max_tokens", "request_params_max_tokens", token_bounds());
  Labels config = labels_;
  config.emplace_back("block_size", furiosa_ ? "1" : "16");
  config.emplace_back("num_gpu_blocks", std::to_string(options.kv_capacity_tokens / (furiosa_ ? 1 : 16)));
  config.emplace_back("enable_prefix_caching", options.prefix_cache ? "True" : "False");
  registry_.gauge(name("cache_config_info", "cache_config_info"), "Configuration of the cache", config).set(1);
}

void SurfaceMetrics::finished(std::string_view reason, double seconds, int64_t prompt_tokens, int64_t tokens, int64_t max_tokens) {
  whole_->observe(seconds);
  prompt_tokens_->observe(static_cast<double>(prompt_tokens));
  tokens_->observe(static_cast<double>(tokens));
  asked_tokens_->observe(static_cast<double>(max_tokens));
  Labels labels = labels_;
  labels.emplace_back("finished_reason", reason);
  registry_.counter(name("request_success_total", "request_success_total"), "Requests that ended", labels).add();
}

std::string SurfaceMetrics::render(const TwinLoad& load) {
  const std::scoped_lock lock(rendering_);
  set("num_requests_running", "num_requests_running", load.running);
  set("num_requests_waiting", "num_requests_waiting", load.waiting);
  set("kv_cache_usage_perc", "kv_cache_usage_percent", load.kv_used);
  raise("prompt_tokens_total", "prompt_tokens_total", load.prompt_tokens);
  raise("generation_tokens_total", "generation_tokens_total", load.generated_tokens);
  raise("prefix_cache_queries_total", "prefix_cache_queries", load.prefix_queries);
  raise("prefix_cache_hits_total", "prefix_cache_hits", load.cached_tokens);
  return registry_.render();
}

std::string SurfaceMetrics::name(std::string_view vllm, std::string_view furiosa) const {
  return furiosa_ ? "furiosa_llm_" + std::string(furiosa) : "vllm:" + std::string(vllm);
}

void SurfaceMetrics::set(std::string_view vllm, std::string_view furiosa, double value) {
  registry_.gauge(name(vllm, furiosa), "Of the twin engine, now", labels_).set(value);
}

void SurfaceMetrics::raise(std::string_view vllm, std::string_view furiosa, int64_t total) {
  Counter& counter = registry_.counter(name(vllm, furiosa), "Of the twin engine, since its start", labels_);
  counter.add(static_cast<uint64_t>(std::max<int64_t>(0, total - static_cast<int64_t>(counter.value()))));
}

Histogram& SurfaceMetrics::histogram(std::string_view vllm, std::string_view furiosa, std::vector<double> bounds) {
  return registry_.histogram(name(vllm, furiosa), "Of the requests to the twin engine", std::move(bounds), labels_);
}

}  // namespace ondol
