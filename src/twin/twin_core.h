// A twin engine without its thread: state that moves when it is told what time it is. Times are the twin's seconds since its start.
//
// Owner: one TwinEngine, which locks; no clock, no locking. `now` never goes back from call to call. Bounded: as TwinEngineOptions says.
//
// A step begins when the one before should have ended, not when someone looked: pace does not depend on how late `advance` is called, and
// a request takes part in the first step that begins after it came. More than kCatchUpS of real time is not caught up on.
#pragma once

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "twin/batcher.h"

namespace ondol {

// What to tell a sink: a token, or the end.
struct TwinEvent {
  std::shared_ptr<TwinSink> sink;
  int64_t index = 0;
  std::optional<TwinFinish> finish = {};
  TwinUsage usage = {};
};

class TwinCore {
 public:
  static constexpr double kCatchUpS = 1;
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  explicit TwinCore(const TwinEngineOptions& options);

  Result<uint64_t> submit(TwinRequest request, std::shared_ptr<TwinSink> sink, double now);
  void cancel(uint64_t id);
  void inject(TwinFault fault, double now);
  void limit(const TwinLimits& limits) { limits_ = limits; }
  void abort_all();

  // Does what is due: ends one step at most, begins the next. What sinks have to hear is appended, in order.
  void advance(double now, std::vector<TwinEvent>& events);
  // When `advance` is to be called next; kNever: not before another call. May lie in the past.
  double next_due() const;
  TwinLoad load(double now) const;
  const TwinEngineOptions& options() const { return options_; }

 private:
  struct Live {
    std::shared_ptr<TwinSink> sink;
    TwinUsage usage;
  };
  struct Arrival {
    double at = 0;
    BatcherRequest request;
  };
  struct Step {
    double begin = 0, end = 0;
    double power_w = 0;
    double left = 0;  // while the engine hangs
  };
  using Kind = TwinFault::Kind;

  bool dead() const { return fault_.kind == Kind::kCrash || fault_.kind == Kind::kLost; }
  bool hangs() const { return fault_.kind == Kind::kHang; }
  bool wants_step() const { return !step_ && !dead() && !hangs() && (!arrivals_.empty() || !batcher_.idle()); }
  Status check(const TwinRequest& request) const;
  void begin_step(double now);
  Step paced(const StepCost& cost, double begin);
  void end_step();
  void bill_step(const StepCost& cost, double joules);
  void finish_all(TwinFinish reason);
  void end_fault(double at);
  double energy_at(double at) const;
  void account(double at);
  double busy_at(double at) const;
  void note_busy(double begin, double end);

  TwinEngineOptions options_;
  Batcher batcher_;
  std::map<uint64_t, Arrival> arrivals_;  // not in the batcher yet; by id, which is by arrival
  std::unordered_map<uint64_t, Live> live_;
  std::vector<TwinEvent> events_;
  std::optional<Step> step_;
  TwinLimits limits_;
  bool capped_ = false;
  TwinFault fault_;
  double fault_end_ = kNever;
  double free_at_ = 0;    // no step begins earlier
  double accounted_ = 0;  // up to when energy_j_ is known
  double energy_j_ = 0;
  mutable double shown_j_ = 0;                  // a counter that went back by a rounding would look like one that was reset
  std::deque<std::pair<double, double>> busy_;  // the last second's, joined where they touch
  uint64_t last_id_ = 0, steps_ = 0;
  std::vector<double> shares_;
  std::vector<StepToken> tokens_;
};

}  // namespace ondol
