#include "twin/twin_core.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "twin/step_share.h"

namespace ondol {
namespace {

constexpr double kBusyWindowS = 1;
constexpr double kLeastFactor = 0.001, kMostFactor = 1e6;

TwinEngineOptions filled_in(TwinEngineOptions options) {
  const BatcherOptions batcher = batcher_options(options);
  options.max_context = twin_context(options);
  options.max_concurrency = batcher.max_running;
  options.max_step_tokens = batcher.step_tokens;
  if (!(options.speed > 0)) options.speed = 1;
  options.speed = std::clamp(options.speed, 1e-3, 1e6);
  return options;
}

BatcherRequest batcher_request(uint64_t id, TwinRequest request) {
  BatcherRequest out{id, static_cast<int64_t>(request.prompt.size()), request.max_tokens, request.stop_after, std::move(request.prompt)};
  const size_t said = std::min(request.answer.size(), static_cast<size_t>(request.max_tokens));
  out.ids.insert(out.ids.end(), request.answer.begin(), request.answer.begin() + static_cast<std::ptrdiff_t>(said));
  return out;
}

}  // namespace

TwinCore::TwinCore(const TwinEngineOptions& options) : options_(filled_in(options)), batcher_(batcher_options(options_)) {}

Status TwinCore::check(const TwinRequest& request) const {
  if (dead()) return fail(Code::kUnavailable, "the engine has crashed; it takes requests again when the fault has ended");
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  if (prompt < 1 || request.max_tokens < 1)
    return fail(Code::kInvalidArgument, "a request needs a prompt and at least one token to answer");
  if (prompt > options_.max_context || request.max_tokens > options_.max_context - prompt) {
    return fail(Code::kInvalidArgument, "the prompt of " + std::to_string(prompt) + " tokens and " + std::to_string(request.max_tokens) +
                                            " tokens of answer are more than the context of " + std::to_string(options_.max_context) +
                                            "; shorten the prompt or ask for fewer");
  }
  const BatcherCounts counts = batcher_.counts();
  const int64_t free_places = std::max(0, options_.max_concurrency - counts.running);
  if (counts.waiting + static_cast<int64_t>(arrivals_.size()) >= options_.max_waiting + free_places) {
    return fail(Code::kResourceExhausted, std::to_string(options_.max_waiting) + " requests are waiting already; try again later");
  }
  return {};
}

Result<uint64_t> TwinCore::submit(TwinRequest request, std::shared_ptr<TwinSink> sink, double now) {
  if (fault_end_ <= now) end_fault(fault_end_);
  ONDOL_TRY_STATUS(check(request));
  const uint64_t id = ++last_id_;
  live_[id] = {std::move(sink), {.prompt_tokens = static_cast<int64_t>(request.prompt.size())}};
  arrivals_.emplace(id, Arrival{now, batcher_request(id, std::move(request))});
  return id;
}

void TwinCore::cancel(uint64_t id) {
  const auto found = live_.find(id);
  if (found == live_.end()) return;  // it has ended
  arrivals_.erase(id);
  batcher_.cancel(id);
  events_.push_back({std::move(found->second.sink), 0, TwinFinish::kAborted, found->second.usage});
  live_.erase(found);
}

void TwinCore::finish_all(TwinFinish reason) {
  for (auto& [id, live] : live_) events_.push_back({std::move(live.sink), 0, reason, live.usage});
  live_.clear();
  arrivals_.clear();
  batcher_.clear();
}

void TwinCore::abort_all() { finish_all(TwinFinish::kAborted); }

void TwinCore::inject(TwinFault fault, double now) {
  end_fault(std::min(now, fault_end_));
  if (!std::isfinite(fault.factor)) fault.factor = 1;
  fault.factor = std::clamp(fault.factor, kLeastFactor, kMostFactor);
  account(now);
  fault_ = fault;
  fault_end_ = fault.kind != Kind::kNone && fault.seconds > 0 ? now + fault.seconds : kNever;
  if (hangs() && step_) step_->left = std::max(0.0, step_->end - now);
  if (!dead()) return;
  if (step_) note_busy(step_->begin, now);
  step_.reset();
  finish_all(TwinFinish::kEngineError);
}

// Also when there is none.
void TwinCore::end_fault(double at) {
  if (fault_.kind == Kind::kNone) return;
  account(at);
  if (hangs() && step_) step_->end = at + step_->left;
  if (hangs() || dead()) free_at_ = std::max(free_at_, at);
  fault_ = {};
  fault_end_ = kNever;
}

void TwinCore::advance(double now, std::vector<TwinEvent>& events) {
  if (fault_end_ <= now) end_fault(fault_end_);
  if (step_ && !hangs() && step_->end <= now) end_step();
  if (wants_step()) begin_step(now);
  std::ranges::move(events_, std::back_inserter(events));
  events_.clear();
}

double TwinCore::next_due() const {
  if (!events_.empty() || wants_step()) return 0;
  return step_ && !hangs() ? std::min(step_->end, fault_end_) : fault_end_;
}

void TwinCore::begin_step(double now) {
  double begin = free_at_;
  if (batcher_.idle()) begin = std::max(begin, arrivals_.begin()->second.at);
  if (now - begin > kCatchUpS * options_.speed) begin = now;
  while (!arrivals_.empty() && arrivals_.begin()->second.at <= begin) {
    batcher_.add(std::move(arrivals_.begin()->second.request));
    arrivals_.erase(arrivals_.begin());
  }
  const std::optional<StepBatch> batch = batcher_.plan();
  if (!batch) return;
  const StepCost cost = options_.cost.step(*batch);
  account(begin);
  step_ = paced(cost, begin);
  bill_step(cost, step_->power_w * (step_->end - step_->begin));
}

// The step as faults and limits have it. A device that is held back does the same work with the same switching, in more time.
TwinCore::Step TwinCore::paced(const StepCost& cost, double begin) {
  const double idle_w = options_.cost.idle_power_w();
  const bool slow = fault_.kind == Kind::kSlow || fault_.kind == Kind::kThrottle;
  const double seconds = cost.seconds * (slow ? fault_.factor : 1);
  double dynamic_w = std::max(0.0, cost.power_w - idle_w);
  if (fault_.kind == Kind::kThrottle) dynamic_w /= std::max(1.0, fault_.factor);
  double pace = limits_.clock;
  capped_ = dynamic_w * pace > limits_.dynamic_w;
  if (capped_) pace *= std::max(TwinLimits::kLeastPace, limits_.dynamic_w / (dynamic_w * pace));
  return Step{begin, begin + seconds / pace, idle_w + dynamic_w * pace, 0};
}

void TwinCore::bill_step(const StepCost& cost, double joules) {
  step_shares(cost, batcher_.parts(), shares_);
  for (size_t i = 0; i < shares_.size(); ++i) live_.at(batcher_.parts()[i].id).usage.energy_j += shares_[i] * joules;
}

void TwinCore::end_step() {
  account(step_->end);
  note_busy(step_->begin, step_->end);
  free_at_ = step_->end;
  step_.reset();
  ++steps_;
  tokens_.clear();
  batcher_.finish(tokens_);
  for (const StepToken& token : tokens_) {
    const auto at = live_.find(token.id);
    TwinUsage& usage = at->second.usage;
    usage.cached_tokens = token.cached;
    ++usage.completion_tokens;
    events_.push_back({at->second.sink, token.index});
    if (!token.finish) continue;
    events_.push_back({std::move(at->second.sink), token.index, token.finish, usage});
    live_.erase(at);
  }
}

TwinLoad TwinCore::load(double now) const {
  const BatcherCounts counts = batcher_.counts();
  const bool stepping = step_ && !hangs() && now < step_->end;
  TwinLoad load;
  load.running = counts.running;
  load.waiting = counts.waiting + static_cast<int>(arrivals_.size());
  load.kv_used = counts.kv_used;
  load.power_w = stepping ? step_->power_w : options_.cost.idle_power_w();
  load.fault = now < fault_end_ ? fault_.kind : Kind::kNone;
  if (load.fault == Kind::kLost) load.power_w = 0;
  load.energy_j = shown_j_ = std::max(shown_j_, energy_at(now));
  load.busy = busy_at(now);
  load.capped = capped_ && load.busy > 0;
  load.time_s = now;
  load.steps = steps_;
  load.preemptions = counts.preemptions;
  load.prompt_tokens = counts.prompt_tokens;
  load.generated_tokens = counts.generated_tokens;
  load.cached_tokens = counts.cached_tokens;
  load.prefix_queries = counts.prefix_queries;
  return load;
}

// Behind the step under way the devices count as idle until the next step is known to have begun: what is shown never goes back.
double TwinCore::energy_at(double at) const {
  if (at <= accounted_ || fault_.kind == Kind::kLost) return energy_j_;
  double run_until = accounted_;
  if (step_ && !hangs()) run_until = std::clamp(step_->end, accounted_, at);
  const double run_j = step_ ? (run_until - accounted_) * step_->power_w : 0;
  return energy_j_ + run_j + (at - run_until) * options_.cost.idle_power_w();
}

void TwinCore::account(double at) {
  energy_j_ = energy_at(at);
  accounted_ = std::max(accounted_, at);
}

void TwinCore::note_busy(double begin, double end) {
  if (!busy_.empty() && busy_.back().second >= begin) {
    busy_.back().second = std::max(busy_.back().second, end);
  } else {
    busy_.emplace_back(begin, end);
  }
  while (busy_.front().second < end - kBusyWindowS) busy_.pop_front();
}

double TwinCore::busy_at(double at) const {
  const double from = at - kBusyWindowS;
  const auto within = [&](double begin, double end) { return std::max(0.0, std::min(end, at) - std::max(begin, from)); };
  double sum = step_ ? within(step_->begin, hangs() ? accounted_ : step_->end) : 0;
  for (const auto& [begin, end] : busy_) sum += within(begin, end);
  return std::min(1.0, sum / kBusyWindowS);
}

}  // namespace ondol
