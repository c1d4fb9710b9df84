#include "twin/replay.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "twin/batcher.h"
#include "twin/step_share.h"

namespace ondol {
namespace {

Status check(const TwinEngineOptions& options, std::span<const ReplayRequest> requests) {
  const int64_t context = twin_context(options);
  for (size_t i = 0; i < requests.size(); ++i) {
    const ReplayRequest& request = requests[i];
    const std::string name = "request " + std::to_string(i);
    if (!std::isfinite(request.arrival_s) || request.arrival_s < 0) {
      return fail(Code::kInvalidArgument, name + ": the arrival must be seconds from 0 on");
    }
    if (request.input_tokens < 1 || request.output_tokens < 1 || request.input_tokens > context ||
        request.output_tokens > context - request.input_tokens) {
      return fail(Code::kInvalidArgument, name + ": " + std::to_string(request.input_tokens) + " tokens in and " +
                                              std::to_string(request.output_tokens) +
                                              " out must be at least 1 each and fit the context of " + std::to_string(context) +
                                              "; leave it out or choose more devices");
    }
    if (!request.prompt.empty() && static_cast<int64_t>(request.prompt.size()) != request.input_tokens) {
      return fail(Code::kInvalidArgument, name + ": has " + std::to_string(request.prompt.size()) + " ids for " +
                                              std::to_string(request.input_tokens) + " tokens; give all or none");
    }
  }
  return {};
}

class Run {
 public:
  Run(const TwinEngineOptions& options, std::span<const ReplayRequest> requests)
      : cost_(options.cost), requests_(requests), batcher_(batcher_options(options)), order_(requests.size()) {
    result_.answers.resize(requests.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::ranges::sort(order_, {}, [&](size_t i) { return std::pair(requests[i].arrival_s, i); });
  }

  ReplayResult run() {
    while (next_ < order_.size() || !batcher_.idle()) {
      if (batcher_.idle()) wait_until(requests_[order_[next_]].arrival_s);
      while (next_ < order_.size() && requests_[order_[next_]].arrival_s <= now_) add(order_[next_++]);
      step();
    }
    result_.duration_s = now_;
    result_.preemptions = batcher_.counts().preemptions;
    return std::move(result_);
  }

 private:
  void wait_until(double at) {
    if (at <= now_) return;
    result_.idle_energy_j += (at - now_) * cost_.idle_power_w();
    result_.energy_j += (at - now_) * cost_.idle_power_w();
    now_ = at;
  }

  void add(size_t index) {
    const ReplayRequest& request = requests_[index];
    batcher_.add({index, request.input_tokens, request.output_tokens, 0, request.prompt});
  }

  void step() {
    const std::optional<StepBatch> batch = batcher_.plan();
    if (!batch) return;
    for (const uint64_t id : batcher_.admitted()) result_.answers[id].queue_s = now_ - requests_[id].arrival_s;
    const StepCost cost = cost_.step(*batch);
    step_shares(cost, batcher_.parts(), shares_);
    for (size_t i = 0; i < shares_.size(); ++i) result_.answers[batcher_.parts()[i].id].energy_j += shares_[i] * cost.energy_j();
    now_ += cost.seconds;
    result_.busy_s += cost.seconds;
    result_.energy_j += cost.energy_j();
    ++result_.steps;
    tokens_.clear();
    batcher_.finish(tokens_);
    for (const StepToken& token : tokens_) {
      ReplayAnswer& answer = result_.answers[token.id];
      const double since_s = now_ - requests_[token.id].arrival_s;
      if (token.index == 0) answer.ttft_s = since_s;
      answer.e2e_s = since_s;
      answer.cached_tokens = token.cached;
      ++answer.tokens;
    }
  }

  const CostModel& cost_;
  std::span<const ReplayRequest> requests_;
  Batcher batcher_;
  std::vector<size_t> order_;  // of arrival
  size_t next_ = 0;
  double now_ = 0;
  std::vector<double> shares_;
  std::vector<StepToken> tokens_;
  ReplayResult result_;
};

}  // namespace

Result<ReplayResult> replay(const TwinEngineOptions& options, std::span<const ReplayRequest> requests) {
  ONDOL_TRY_STATUS(check(options, requests));
  return Run(options, requests).run();
}

}  // namespace ondol
