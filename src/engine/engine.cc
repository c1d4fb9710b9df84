#include "engine/engine.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/thread_name.h"
#include "engine/core.h"

namespace ondol {
namespace {

struct Submission {
  uint64_t id;
  GenerateRequest request;
  std::shared_ptr<TokenSink> sink;
  int64_t submitted_us;
};

// The core on its own thread. Submissions and cancellations cross by one mutex that is held for moments only, never during a step.
class ThreadedEngine final : public Engine {
 public:
  ThreadedEngine(std::unique_ptr<Core> core, std::unique_ptr<Clock> clock)
      : clock_(std::move(clock)),
        core_(std::move(core)),
        stats_(core_->stats()),
        thread_([this](const std::stop_token& stop) { loop(stop); }) {}

  ~ThreadedEngine() override { ThreadedEngine::stop(); }

  void stop() override {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    thread_.request_stop();
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Result<uint64_t> submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) override {
    ONDOL_TRY_STATUS(core_->check(request));
    std::unique_lock lock(mutex_);
    if (stopped_) return fail(Code::kUnavailable, "this model is being taken out of service; try again later");
    const int waiting = stats_.waiting + static_cast<int>(submitted_.size());
    const int free_places = std::max(0, core_->options().max_running - stats_.running);
    if (waiting >= core_->options().max_waiting + free_places) {
      return fail(Code::kResourceExhausted, "the queue of this model is full (" + std::to_string(stats_.running) + " running, " +
                                                std::to_string(waiting) + " waiting); try again later");
    }
    const uint64_t id = ++last_id_;
    submitted_.push_back({id, std::move(request), std::move(sink), clock_->now_us()});
    lock.unlock();  // or the step thread would wake to wait for it
    wake_.notify_one();
    return id;
  }

  void cancel(uint64_t id) override {
    const std::scoped_lock lock(mutex_);
    cancelled_.push_back(id);
    wake_.notify_one();
  }

  EngineStats stats() const override {
    const std::scoped_lock lock(mutex_);
    EngineStats stats = stats_;
    stats.waiting += static_cast<int>(submitted_.size());
    return stats;
  }

  int max_context() const override { return core_->max_context(); }
  const EngineOptions& options() const override { return core_->options(); }
  const Model& model() const override { return core_->model(); }

 private:
  void loop(const std::stop_token& stop) {
    name_this_thread("step");
    while (take_work(stop)) {
      core_->step();
      const EngineStats stats = core_->stats();
      const std::scoped_lock lock(mutex_);
      stats_ = stats;
    }
    take_work(stop);  // what was accepted in the last moment
    core_->cancel_all();
    core_->step();
  }

  // Waits for work if there is none; hands over what came in. False when the engine ends.
  bool take_work(const std::stop_token& stop) {
    std::vector<Submission> submitted;
    std::vector<uint64_t> cancelled;
    {
      std::unique_lock lock(mutex_);
      if (core_->idle() && !stop.stop_requested()) wake_.wait(lock, stop, [this] { return !submitted_.empty(); });
      submitted.swap(submitted_);
      cancelled.swap(cancelled_);
      // Until the next step reports, they count as waiting here: a burst between two steps cannot overrun the queue.
      stats_.waiting += static_cast<int>(submitted.size());
    }
    for (Submission& s : submitted) core_->add(s.id, std::move(s.request), std::move(s.sink), s.submitted_us);
    for (const uint64_t id : cancelled) core_->cancel(id);
    return !stop.stop_requested();
  }

  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Core> core_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<Submission> submitted_;
  std::vector<uint64_t> cancelled_;
  EngineStats stats_;
  uint64_t last_id_ = 0;
  bool stopped_ = false;
  std::jthread thread_;  // last: it starts when everything else is there, and ends first
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model, const EngineOptions& options, Registry& metrics,
                                               const std::function<void(double)>& progress) {
  auto clock = std::make_unique<SteadyClock>();
  ONDOL_TRY(auto core, Core::create(std::move(model), options, *clock, metrics, progress));
  return std::make_unique<ThreadedEngine>(std::move(core), std::move(clock));
}

}  // namespace ondol
