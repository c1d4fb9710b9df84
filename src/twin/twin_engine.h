// An engine that takes as long, draws as much and answers in the same order as a real one would, and computes nothing: a batcher with the
// engine's limits over the cost model, in real time or faster.
//
// Owner: whoever makes it; it has one thread. `submit`, `cancel`, `inject`, `limit`, `load` from any thread; sinks are called on the
// engine's thread and only append: a sink that blocks holds this engine up, and no other. Bounded: the queue by max_waiting (the real
// engines do not bound theirs), tokens per request by the context. What is modelled and what is not: docs/twin.md.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "cost/cost_model.h"

namespace ondol {

enum class TwinEngineKind { kFuriosaLlm, kVllm };

struct TwinEngineOptions {
  TwinEngineKind kind = TwinEngineKind::kFuriosaLlm;
  CostModel cost;
  double speed = 1.0;           // 20 = twenty times as fast as the real one
  int max_concurrency = 0;      // sequences that run at once (vLLM's max_num_seqs); 0 = the cost model's
  int64_t max_step_tokens = 0;  // vLLM's max_num_batched_tokens, furiosa-llm's prompt chunk; 0 = the cost model's, the latter 1024 at most
  int64_t max_context = 0;      // 0 = the model's, or what fits its KV
  bool prefix_cache = true;
  int64_t max_waiting = 65536;
  uint64_t seed = 1;
};

struct TwinRequest {
  std::vector<int32_t> prompt;  // ids; equal beginnings hit the prefix cache
  int64_t max_tokens = 16;
  int64_t stop_after = 0;            // the answer ends by itself (kStop) after so many tokens; 0 = only at max_tokens (kLength)
  std::vector<int32_t> answer = {};  // ids of what it will say, if known: a prompt that continues it finds them in the prefix cache
};

enum class TwinFinish { kLength, kStop, kAborted, kEngineError };

struct TwinUsage {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double energy_j = 0;  // its modelled share
};

class TwinSink {
 public:
  virtual ~TwinSink() = default;
  virtual void on_token(int64_t index) = 0;  // 0, 1, ...
  virtual void on_finish(TwinFinish reason, const TwinUsage& usage) = 0;
};

// Faults that can be injected while it runs; a new one takes the place of the one before, kNone ends it. kHang: steps stop until `seconds`
// are over (0 = for good). kSlow: steps take `factor` times as long, from the next on. kThrottle: as kSlow at less power, and the devices
// report thermal throttling. kCrash: all requests end with kEngineError and nothing is taken any more until the fault ends, which is a
// restart with an empty cache. kLost: as kCrash, and the devices vanish. kGarbage: the devices' telemetry is unreadable.
struct TwinFault {
  enum class Kind { kNone, kHang, kSlow, kThrottle, kCrash, kLost, kGarbage } kind = Kind::kNone;
  double factor = 1;
  double seconds = 0;  // of the twin's time; 0 = until cleared
};

// What the devices' settings leave an engine, from its next step on. `clock`: steps take 1 / clock of their time with `clock` of their
// power above idle. `dynamic_w`: a step that draws more above idle (all units together) is slowed down by the factor that its power falls
// by, at most kLeastPace: energy stays, time grows. Both are assumptions (docs/twin.md).
struct TwinLimits {
  static constexpr double kLeastPace = 0.2;
  double dynamic_w = std::numeric_limits<double>::infinity();
  double clock = 1;
};

// What its devices show, at one moment. Times and energy are the twin's (real seconds times `speed`).
struct TwinLoad {
  int running = 0, waiting = 0;
  double kv_used = 0;   // 0..1
  double power_w = 0;   // of all units, now
  double energy_j = 0;  // since start, idle included
  double busy = 0;      // 0..1 of the last second
  double time_s = 0;    // of the twin, since start
  uint64_t steps = 0, preemptions = 0;
  int64_t prompt_tokens = 0, generated_tokens = 0, cached_tokens = 0, prefix_queries = 0;
  TwinFault::Kind fault = TwinFault::Kind::kNone;
  bool capped = false;  // dynamic_w slows the step under way, or slowed the last one
};

class TwinEngine {
 public:
  static std::unique_ptr<TwinEngine> start(const TwinEngineOptions& options);
  virtual ~TwinEngine() = default;  // aborts what runs; not from a sink
  // kInvalidArgument: empty, or longer than the context; kUnavailable: crashed; kResourceExhausted: max_waiting are waiting.
  virtual Result<uint64_t> submit(TwinRequest request, std::shared_ptr<TwinSink> sink) = 0;
  virtual void cancel(uint64_t id) = 0;
  virtual void inject(const TwinFault& fault) = 0;
  virtual void limit(const TwinLimits& limits) = 0;
  virtual TwinLoad load() const = 0;
  virtual const TwinEngineOptions& options() const = 0;  // with the defaults filled in
};

}  // namespace ondol
