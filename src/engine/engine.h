// The engine: one model, continuous batching over a paged KV cache with a radix prefix cache.
//
// Owner: whoever creates it. `submit`, `cancel` and `stats` may be called from any thread. One step thread, owned by the engine, does all
// the rest together with its team of workers; sinks are called on it and must return at once. Bounded: EngineOptions limits queue,
// batch, context and KV bytes; a request beyond them is refused with a reason.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"
#include "kernel/attention.h"
#include "kernel/isa.h"
#include "model/model.h"

namespace ondol {

class TokenGrammar;  // grammar/token_grammar.h

// What a step computed and when, for the meter. `end_us` is taken before the step's tokens are drawn and told to the sinks: a request that
// ends with the step has all of its work reported by then.
struct StepShare {
  uint64_t id;      // of the request
  int rows;         // tokens computed
  int64_t context;  // tokens in front of them
};
struct StepReport {
  int64_t begin_us, end_us;  // SteadyClock
  std::span<const StepShare> shares;
};

struct EngineOptions {
  int threads = 0;        // 0 = the CPUs that the process may use
  int max_context = 0;    // tokens of one sequence; 0 = the model's, at most what the KV cache holds
  uint64_t kv_bytes = 0;  // 0 = a quarter of the memory that is free after the weights, at most 4 GiB
  KvType kv_type = KvType::kF16;
  int max_running = 64;   // sequences in a batch
  int max_waiting = 256;  // requests in the queue; more get kResourceExhausted (HTTP 429)
  int step_tokens = 512;  // token budget of a step
  // While streams run, a step takes only so many prompt tokens that it lasts at most `stream_slowdown` times as long as one without, by the
  // speed measured so far; 0 = no such limit. And never more than `mixed_prefill`.
  double stream_slowdown = 2.0;
  int mixed_prefill = 256;
  bool prefix_cache = true;
  bool huge_pages = true;
  std::string label = "model";                          // the model label of the metrics
  std::function<void(const StepReport&)> on_step = {};  // on the step thread, once a step; must return at once
};

struct LogitBias {
  int32_t token;
  float bias;
};

struct SamplingParams {
  float temperature = 1.0f;  // 0 = greedy
  int top_k = 0;             // 0 = off
  float top_p = 1.0f;
  float min_p = 0.0f;
  float repetition_penalty = 1.0f;  // over prompt and answer, as in CTRL; 1 = off
  float presence_penalty = 0.0f;    // over the answer, as OpenAI defines them
  float frequency_penalty = 0.0f;
  std::vector<LogitBias> logit_bias = {};
  uint64_t seed = 0;  // the same seed, prompt and parameters give the same answer in any batch
  int logprobs = -1;  // -1 = none; else the chosen token's and this many of the best, 0..20
};

struct GenerateRequest {
  std::vector<int32_t> prompt;  // at least one token
  int max_tokens = 0;           // 0 = up to the context
  SamplingParams sampling = {};
  std::vector<int32_t> stop_tokens = {};  // end the answer; the stop token itself is reported by finish, not as a token
  int priority = 0;                       // lower is more urgent; equal ones in order of arrival
  int64_t timeout_us = 0;                 // after that, waiting or running, it ends with kDeadlineExceeded; 0 = never
  std::vector<int32_t> prediction = {};   // text that the answer is expected to repeat: makes it faster, never another
  // What the answer must be, over this model's vocabulary. It ends as soon as the grammar allows nothing more. Text that the grammar leaves
  // no choice about is written without asking the model, unless log-probabilities are wanted.
  std::shared_ptr<TokenGrammar> grammar = {};
  // Log-probabilities of the prompt's own tokens, as SamplingParams::logprobs. The whole prompt is computed then, whatever the prefix cache
  // has of it, and in steps of at most kScoredRows tokens.
  int prompt_logprobs = -1;
  bool prompt_only = false;  // no answer: it ends with kLength when the prompt is computed
  // How likely each of these would be as the answer's first token: log-probabilities in FinishEvent::scores. At most 16.
  std::vector<int32_t> score_tokens = {};
};

struct TokenLogprob {
  int32_t token;
  float logprob;  // natural log, of the model's own distribution (before temperature and filters)
};

struct TokenEvent {
  int32_t token = 0;
  float logprob = 0;              // set when logprobs >= 0; NaN for a prompt's first token, which nothing foretells
  std::vector<TokenLogprob> top;  // best first
};

enum class FinishReason { kStop, kLength, kCancelled, kError };

struct FinishEvent {
  uint64_t id = 0;  // what submit gave; 0: the engine never took it
  FinishReason reason = FinishReason::kStop;
  Error error;  // for kError
  int prompt_tokens = 0;
  int cached_tokens = 0;        // of the prompt, taken from the prefix cache
  int completion_tokens = 0;    // tokens reported (a stop token is counted too)
  int accepted_prediction = 0;  // tokens of the prediction that came true, and those that were computed in vain
  int rejected_prediction = 0;
  std::vector<float> scores = {};  // of the request's score_tokens, in their order; empty if it ended before
  int64_t queue_us = 0;            // submit to first scheduled
  int64_t first_token_us = 0;      // submit to first token
  int64_t total_us = 0;
};

// Receives one request's results, on the step thread. After on_finish nothing more is called.
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  // With prompt_logprobs: all of the prompt's tokens, once, before the first on_token.
  virtual void on_prompt(std::vector<TokenEvent>) {}
  virtual void on_token(const TokenEvent& event) = 0;
  virtual void on_finish(const FinishEvent& event) = 0;
};

struct EngineStats {
  int running = 0;
  int waiting = 0;
  uint64_t kv_blocks_total = 0, kv_blocks_free = 0;  // of kKvBlock tokens in all layers
  uint64_t kv_blocks_cached = 0;                     // known to the prefix cache
  uint64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, steps = 0;
  uint64_t forced_tokens = 0;  // of the completion: a grammar left no choice about them
  uint64_t weight_bytes = 0, kv_bytes = 0, kv_used_bytes = 0;
};

class Engine {
 public:
  // Packs the weights and starts the step thread. `progress` (may be null) gets 0..1. kResourceExhausted when it does not fit in memory,
  // said before anything large is allocated.
  static Result<std::unique_ptr<Engine>> create(std::shared_ptr<const Model> model, const EngineOptions& options, Registry& metrics,
                                                const std::function<void(double)>& progress = {});
  virtual ~Engine() = default;  // as stop(), which must have been called if a sink may be the last to hold the engine

  // The id to cancel with. Errors: kInvalidArgument (empty prompt, bad token or parameter), kOutOfRange (prompt beyond the context: says
  // both numbers), kResourceExhausted (queue full).
  virtual Result<uint64_t> submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) = 0;
  // Frees the request's work within one step; on_finish comes with kCancelled. Unknown ids are ignored.
  virtual void cancel(uint64_t id) = 0;

  // Cancels what waits and runs (on_finish comes with kCancelled), and joins the step thread; afterwards submit fails with kUnavailable,
  // and the engine may be let go on any thread. Not from a sink. May be called again.
  virtual void stop() = 0;

  virtual EngineStats stats() const = 0;
  virtual int max_context() const = 0;
  virtual const EngineOptions& options() const = 0;  // with the automatic values filled in
  virtual const Model& model() const = 0;
};

}  // namespace ondol
