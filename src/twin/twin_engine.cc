#include "twin/twin_engine.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/thread_name.h"
#include "twin/twin_core.h"

namespace ondol {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// The core on a thread that sleeps until it is due. The lock is held for the planning of one step, never while sinks are called.
class ThreadedTwin final : public TwinEngine {
 public:
  explicit ThreadedTwin(const TwinEngineOptions& options)
      : core_(options), options_(core_.options()), start_(std::chrono::steady_clock::now()), thread_([this] { loop(); }) {}

  ~ThreadedTwin() override {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Result<uint64_t> submit(TwinRequest request, std::shared_ptr<TwinSink> sink) override {
    const std::scoped_lock lock(mutex_);
    Result<uint64_t> id = core_.submit(std::move(request), std::move(sink), now());
    wake_if_due();
    return id;
  }

  void cancel(uint64_t id) override {
    const std::scoped_lock lock(mutex_);
    core_.cancel(id);
    wake_if_due();
  }

  void inject(const TwinFault& fault) override {
    const std::scoped_lock lock(mutex_);
    core_.inject(fault, now());
    wake_.notify_one();
  }

  void limit(const TwinLimits& limits) override {
    const std::scoped_lock lock(mutex_);
    core_.limit(limits);
  }

  TwinLoad load() const override {
    const std::scoped_lock lock(mutex_);
    return core_.load(now());
  }

  const TwinEngineOptions& options() const override { return options_; }

 private:
  // The twin's seconds. Read under the lock, so that the core sees times in order.
  double now() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() * options_.speed; }

  SteadyTime real_time(double at) const {
    const double seconds = at / options_.speed;
    return start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
  }

  // While a step runs, what came in waits for its end anyway.
  void wake_if_due() {
    if (core_.next_due() <= 0) wake_.notify_one();
  }

  void loop() {
    name_this_thread("twin");
    std::vector<TwinEvent> events;
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      core_.advance(now(), events);
      if (!events.empty()) {
        lock.unlock();
        tell(events);
        lock.lock();
      } else if (const double due = core_.next_due(); due > now()) {
        wait(lock, due);
      }
    }
    core_.abort_all();
    core_.advance(now(), events);
    lock.unlock();
    tell(events);
  }

  // Until `due`, or until woken; too early does no harm.
  void wait(std::unique_lock<std::mutex>& lock, double due) {
    constexpr double kLongestS = 3600;
    if (due - now() > kLongestS * options_.speed) {
      wake_.wait_for(lock, std::chrono::duration<double>(kLongestS));
    } else {
      wake_.wait_until(lock, real_time(due));
    }
  }

  static void tell(std::vector<TwinEvent>& events) {
    for (const TwinEvent& event : events) {
      if (event.finish) {
        event.sink->on_finish(*event.finish, event.usage);
      } else {
        event.sink->on_token(event.index);
      }
    }
    events.clear();
  }

  TwinCore core_;
  const TwinEngineOptions options_;
  const SteadyTime start_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::thread thread_;  // last: it starts when everything else is there
};

}  // namespace

std::unique_ptr<TwinEngine> TwinEngine::start(const TwinEngineOptions& options) { return std::make_unique<ThreadedTwin>(options); }

}  // namespace ondol
