// vLLM's server. Metric names: vLLM's documentation (metrics of the V1 engine, and of V0 where they had another name).
#include "endpoint/dialect.h"

namespace ondol {
namespace {

EndpointLoad read_load(const PrometheusSamples& page) {
  EndpointLoad load;
  load.running = count_of(metric_sum(page, {"vllm:num_requests_running"}));
  load.waiting = count_of(metric_sum(page, {"vllm:num_requests_waiting"}));
  load.kv_used = share_of(metric_mean(page, {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"}), 1.0);
  load.prefix_hit_rate =
      share_of(metric_sum(page, {"vllm:prefix_cache_hits_total", "vllm:prefix_cache_hits", "vllm:gpu_prefix_cache_hits_total"}),
               metric_sum(page, {"vllm:prefix_cache_queries_total", "vllm:prefix_cache_queries", "vllm:gpu_prefix_cache_queries_total"}));
  load.prompt_tokens_total = count_of(metric_sum(page, {"vllm:prompt_tokens_total"}));
  load.generated_tokens_total = count_of(metric_sum(page, {"vllm:generation_tokens_total"}));
  return load;
}

}  // namespace

const EndpointDialect& vllm_dialect() {
  static const EndpointDialect kDialect{.kind = EndpointKind::kVllm,
                                        .probe_target = "/health",
                                        .metrics_target = "/metrics",
                                        .version_target = "/version",
                                        .read_load = read_load};
  return kDialect;
}

}  // namespace ondol
