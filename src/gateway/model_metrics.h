// One model's figures on /metrics.
//
// Owner: the Api. Any thread. Bounded: a fixed number of series per model.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "engine/engine.h"

namespace ondol {

class ModelMetrics {
 public:
  ModelMetrics(Registry& registry, const std::string& model);

  // Copies the engine's figures: called when somebody asks for /metrics.
  void update(const EngineStats& stats);

  void first_token(int64_t since_request_us);
  void next_token(int64_t since_last_us);
  void queued(int64_t queue_us);
  // "stop", "length", "cancelled", "error".
  void finished(std::string_view reason);

 private:
  Counter &stop_, &length_, &cancelled_, &error_;
  std::mutex mutex_;
  EngineStats last_;  // the engine counts since its start, the counters since the first engine of this name
  Gauge &running_, &waiting_, &kv_total_, &kv_free_, &kv_cached_, &weight_bytes_, &kv_bytes_;
  Counter &prompt_tokens_, &cached_tokens_, &completion_tokens_, &forced_tokens_, &steps_;
  Histogram &first_token_s_, &next_token_s_, &queue_s_;
};

}  // namespace ondol
