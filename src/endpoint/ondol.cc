// Another Ondol, and the engine in this process, which shows the same figures (gateway/model_metrics.cc).
#include "endpoint/dialect.h"

namespace ondol {
namespace {

EndpointLoad read_load(const PrometheusSamples& page) {
  EndpointLoad load;
  load.running = count_of(metric_sum(page, {"ondol_requests_running"}));
  load.waiting = count_of(metric_sum(page, {"ondol_requests_waiting"}));
  const auto blocks = [&](std::string_view state) { return metric_sum(page, {"ondol_kv_blocks"}, state); };
  // Blocks that only the prefix cache holds are given up when somebody needs them.
  if (const auto free = share_of(blocks("state=\"free\""), blocks("state=\"total\""))) load.kv_used = 1 - *free;
  load.prompt_tokens_total = count_of(metric_sum(page, {"ondol_prompt_tokens_total"}));
  load.prefix_hit_rate = share_of(metric_sum(page, {"ondol_prompt_tokens_cached_total"}), metric_sum(page, {"ondol_prompt_tokens_total"}));
  load.generated_tokens_total = count_of(metric_sum(page, {"ondol_completion_tokens_total"}));
  return load;
}

}  // namespace

const EndpointDialect& ondol_dialect() {
  static const EndpointDialect kDialect{.kind = EndpointKind::kOndol,
                                        .probe_target = "/ready",
                                        .metrics_target = "/metrics",
                                        .version_target = "/version",
                                        .read_load = read_load};
  return kDialect;
}

}  // namespace ondol
