// The /metrics page of a twin engine under the names of its vendor.
//
// Owner: one surface. Any thread: observations are atomic, rendering takes a mutex. Seconds are the twin's: real ones times its speed, so
// that a hurried twin shows the figures of the engine that it stands for. Bounded: a fixed set of series.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "twin/surface.h"

namespace ondol {

class SurfaceMetrics {
 public:
  SurfaceMetrics(TwinEngineKind kind, const SurfaceOptions& options);

  void first_token(double seconds) { first_token_->observe(seconds); }
  void later_token(double seconds) { later_token_->observe(seconds); }
  void finished(std::string_view reason, double seconds, int64_t prompt_tokens, int64_t tokens, int64_t max_tokens);
  std::string render(const TwinLoad& load);

 private:
  std::string name(std::string_view vllm, std::string_view furiosa) const;
  void set(std::string_view vllm, std::string_view furiosa, double value);
  void raise(std::string_view vllm, std::string_view furiosa, int64_t total);
  Histogram& histogram(std::string_view vllm, std::string_view furiosa, std::vector<double> bounds);

  const bool furiosa_;
  Labels labels_;
  Registry registry_;
  std::mutex rendering_;
  Histogram *first_token_, *later_token_, *whole_, *prompt_tokens_, *tokens_, *asked_tokens_;
};

}  // namespace ondol
