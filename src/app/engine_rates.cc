#include "app/engine_rates.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <utility>

namespace ondol {
namespace {

// Sequences decode a little while the last prompts are still being read; this many tokens more than measured are asked for.
constexpr int kSlackTokens = 64;

// Watches a batch: the clock starts when every sequence has its first token, and stops when every one has `tokens` more than it had then.
class Meter {
 public:
  Meter(int sequences, int tokens, const Clock& clock)
      : tokens_(tokens), clock_(clock), counts_(static_cast<size_t>(sequences)), bases_(static_cast<size_t>(sequences)) {}

  void on_token(size_t sequence) {
    const std::lock_guard lock(mutex_);
    const int count = ++counts_[sequence];
    if (!started_) {
      if (count == 1 && ++with_first_ == counts_.size()) {
        started_ = true;
        start_us_ = clock_.now_us();
        bases_ = counts_;
        if (tokens_ == 0) end_us_ = start_us_;
      }
    } else if (count == bases_[sequence] + tokens_ && ++reached_ == counts_.size()) {
      end_us_ = clock_.now_us();
    }
    if (end_us_ != 0) changed_.notify_one();
  }

  void on_finish(const FinishEvent& event) {
    const std::lock_guard lock(mutex_);
    ++finished_;
    if (event.reason == FinishReason::kError && error_.message.empty()) error_ = event.error;
    changed_.notify_one();
  }

  // Until the measured part is over, or an answer ended too soon.
  void wait_measured() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return end_us_ != 0 || finished_ == counts_.size() || !error_.message.empty(); });
  }

  // After all answers have ended: seconds between start and end.
  Result<double> wait_finished() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finished_ == counts_.size(); });
    if (!error_.message.empty()) return std::unexpected(error_);
    if (end_us_ == 0)
      return fail(Code::kInternal, "a benchmark answer ended before its measured tokens; use a model with a longer context");
    return static_cast<double>(std::max<int64_t>(1, end_us_ - start_us_)) / 1e6;
  }

  int64_t start_us() {
    const std::lock_guard lock(mutex_);
    return start_us_;
  }

 private:
  const int tokens_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> counts_, bases_;
  size_t with_first_ = 0, reached_ = 0, finished_ = 0;
  bool started_ = false;
  int64_t start_us_ = 0, end_us_ = 0;
  Error error_{Code::kInternal, ""};
};

class MeterSink final : public TokenSink {
 public:
  MeterSink(std::shared_ptr<Meter> meter, size_t sequence) : meter_(std::move(meter)), sequence_(sequence) {}
  void on_token(const TokenEvent&) override { meter_->on_token(sequence_); }
  void on_finish(const FinishEvent& event) override { meter_->on_finish(event); }

 private:
  std::shared_ptr<Meter> meter_;
  size_t sequence_;
};

class Bench {
 public:
  Bench(Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) {}

  Result<double> prompt_rate(int tokens) {
    ONDOL_TRY(const Times times, run(1, tokens, 0, 1));
    return tokens / times.to_first_s;
  }

  Result<double> decode_rate(int sequences, int prompt_tokens, int tokens) {
    ONDOL_TRY(const Times times, run(sequences, prompt_tokens, tokens, tokens + 1 + (sequences > 1 ? kSlackTokens : 0)));
    return sequences * tokens / times.measured_s;
  }

 private:
  struct Times {
    double to_first_s;
    double measured_s;
  };

  Result<Times> run(int sequences, int prompt_tokens, int measured_tokens, int max_tokens) {
    const auto meter = std::make_shared<Meter>(sequences, measured_tokens, clock_);
    std::vector<GenerateRequest> requests;
    requests.reserve(static_cast<size_t>(sequences));
    for (int i = 0; i < sequences; ++i) requests.push_back(random_request(prompt_tokens, max_tokens));
    std::vector<uint64_t> ids;
    const int64_t submitted_us = clock_.now_us();
    for (int i = 0; i < sequences; ++i) {
      const Result<uint64_t> id =
          engine_.submit(std::move(requests[static_cast<size_t>(i)]), std::make_shared<MeterSink>(meter, static_cast<size_t>(i)));
      if (!id) {
        for (const uint64_t earlier : ids) engine_.cancel(earlier);
        return std::unexpected(id.error());
      }
      ids.push_back(*id);
    }
    meter->wait_measured();
    if (sequences > 1) {
      for (const uint64_t id : ids) engine_.cancel(id);
    }
    ONDOL_TRY(const double measured_s, meter->wait_finished());
    return Times{static_cast<double>(std::max<int64_t>(1, meter->start_us() - submitted_us)) / 1e6, measured_s};
  }

  GenerateRequest random_request(int prompt_tokens, int max_tokens) {
    GenerateRequest request;
    std::uniform_int_distribution<int32_t> token(0, engine_.model().spec().vocab - 1);
    for (int i = 0; i < prompt_tokens; ++i) request.prompt.push_back(token(random_));
    request.max_tokens = max_tokens;
    request.sampling.temperature = 0;
    return request;
  }

  Engine& engine_;
  const Clock& clock_;
  std::mt19937 random_{20240607};
};

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

EngineOptions bench_engine_options(const EngineBenchPlan& plan, EngineOptions base) {
  const int batch_context = plan.batches.empty() ? 0 : plan.batch_prompt_tokens + plan.batch_generated_tokens + kSlackTokens + 1;
  base.max_context = std::max({base.max_context, plan.prompt_tokens + 1, plan.generated_tokens + 2, batch_context});
  for (const int batch : plan.batches) base.max_running = std::max(base.max_running, batch);
  base.max_waiting = std::max(base.max_waiting, base.max_running);
  base.prefix_cache = false;
  base.mixed_prefill = base.step_tokens;
  base.stream_slowdown = 0;
  return base;
}

Result<EngineBenchReport> measure_engine(Engine& engine, const EngineBenchPlan& plan, const Clock& clock,
                                         const std::function<void(double)>& progress) {
  Bench bench(engine, clock);
  EngineBenchReport report;
  std::vector<std::pair<double*, std::function<Result<double>()>>> figures;
  if (plan.prompt_tokens > 0) figures.emplace_back(&report.prompt_rate, [&] { return bench.prompt_rate(plan.prompt_tokens); });
  if (plan.generated_tokens > 0) {
    figures.emplace_back(&report.generate_rate, [&] { return bench.decode_rate(1, 1, plan.generated_tokens); });
  }
  for (const int batch : plan.batches) {
    figures.emplace_back(&report.batch_rates[batch],
                         [&, batch] { return bench.decode_rate(batch, plan.batch_prompt_tokens, plan.batch_generated_tokens); });
  }
  int done = 0;
  for (const auto& [rate, measure] : figures) {
    std::vector<double> rates;
    for (int run = 0; run <= plan.repetitions; ++run) {
      ONDOL_TRY(const double value, measure());
      if (run > 0) rates.push_back(value);
      ++done;
      if (progress) progress(static_cast<double>(done) / (static_cast<double>(figures.size()) * (plan.repetitions + 1)));
    }
    *rate = median(std::move(rates));
  }
  return report;
}

}  // namespace ondol
