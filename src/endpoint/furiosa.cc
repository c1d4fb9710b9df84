// furiosa-llm, FuriosaAI's server for RNGD. Paths and fields: the HTTP layer of 2026.4, run and recorded; metric names: the vendor's
// documentation (2026.2, 2026.3) and 2026.4's binary, with and without the unit or "_total" at their ends.
#include "endpoint/dialect.h"

namespace ondol {
namespace {

// One series for each engine (data parallelism): summed. KV usage is left out: with the prefix cache, which is on by default, it reads
// nearly full whatever runs (measured by users of Llama-3.1-8B on one card).
EndpointLoad read_load(const PrometheusSamples& page) {
  EndpointLoad load;
  load.running = count_of(metric_sum(page, {"furiosa_llm_num_requests_running"}));
  load.waiting = count_of(metric_sum(page, {"furiosa_llm_num_requests_waiting"}));
  load.prefix_hit_rate = share_of(metric_sum(page, {"furiosa_llm_prefix_cache_hits", "furiosa_llm_prefix_cache_hits_total"}),
                                  metric_sum(page, {"furiosa_llm_prefix_cache_queries", "furiosa_llm_prefix_cache_queries_total"}));
  if (!load.prefix_hit_rate) load.prefix_hit_rate = share_of(metric_mean(page, {"furiosa_llm_prefix_cache_hit_rate"}), 1.0);
  load.prompt_tokens_total = count_of(metric_sum(page, {"furiosa_llm_prompt_tokens_total", "furiosa_llm_prompt_tokens"}));
  load.generated_tokens_total = count_of(metric_sum(page, {"furiosa_llm_generation_tokens_total", "furiosa_llm_generation_tokens"}));
  return load;
}

}  // namespace

const EndpointDialect& furiosa_dialect() {
  // Its port opens once the model is loaded, and it ends itself soon after its engine has ended: a refused connection is "down", 503 is a
  // moment in between. n > 1 is refused; embeddings only from embedding models, which the list of models does not tell.
  static const EndpointDialect kDialect{
      .kind = EndpointKind::kFuriosaLlm,
      .probe_target = "/health",
      .metrics_target = "/metrics",
      .version_target = "/version",
      .traits = {.models = {}, .multiple_choices = false, .embeddings = false, .model_is_ignored = true, .version = {}},
      .read_load = read_load};
  return kDialect;
}

}  // namespace ondol
