#include "load/load_run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <queue>
#include <system_error>
#include <thread>
#include <utility>

namespace ondol {
namespace {

constexpr int64_t kTickUs = 100'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr size_t kRecentAnswers = 255;

struct Due {
  int64_t at_us;
  int32_t index;
  // By time, then in the plan's order; std::priority_queue puts the greatest first.
  bool operator<(const Due& other) const { return std::pair(at_us, index) > std::pair(other.at_us, other.index); }
};

class LoadRun {
 public:
  LoadRun(const LoadPlan& plan, const LoadTarget& target) : plan_(plan), target_(target), start_us_(clock_.now_us()) {
    followers_.assign(plan.requests.size(), -1);
    for (size_t i = 0; i < plan.requests.size(); ++i) {
      const PlannedRequest& request = plan.requests[i];
      if (request.previous >= 0) {
        followers_[static_cast<size_t>(request.previous)] = static_cast<int32_t>(i);
      } else {
        due_.push({request.due_us, static_cast<int32_t>(i)});
      }
    }
  }

  Result<RunOutcome> run(const std::function<bool()>& stopped, const std::function<void(const RunProgress&)>& on_tick) {
    std::unique_lock lock(mutex_);
    int64_t next_tick_us = 0;
    while (done_ < plan_.requests.size() && !giving_up_) {
      const int64_t now = now_us();
      release_due(now);
      if (workers_.empty() && !ready_.empty()) return fail(Code::kResourceExhausted, "no thread can be made; raise `ulimit -u`");
      stop_overdue(now);
      if (now >= next_tick_us) {
        next_tick_us = now + kTickUs;
        const RunProgress progress = progress_now(now);
        lock.unlock();
        const bool stop = stopped();
        if (on_tick) on_tick(progress);
        lock.lock();
        if (stop) give_up();
        continue;
      }
      const int64_t wake_us = std::min(next_tick_us, due_.empty() ? kNever : due_.top().at_us);
      main_changed_.wait_for(lock, std::chrono::microseconds(std::max<int64_t>(0, wake_us - now)));
    }
    closing_ = true;
    work_changed_.notify_all();
    lock.unlock();
    for (Worker& worker : workers_) worker.thread.join();
    std::ranges::sort(outcome_.samples, {}, &RequestSample::index);
    return std::move(outcome_);
  }

 private:
  struct Worker {
    std::atomic<bool> stop{false};
    int64_t deadline_us = kNever;  // of its request; kNever while it has none
    std::thread thread;
  };

  int64_t now_us() const { return clock_.now_us() - start_us_; }

  // The methods below need the lock, but for `work`.

  void release_due(int64_t now) {
    while (!due_.empty() && due_.top().at_us <= now) {
      ready_.push_back(due_.top());
      due_.pop();
      if (ready_.size() > idle_) add_worker();
      if (plan_.open_loop && ready_.size() > idle_) ++outcome_.held_back;
      work_changed_.notify_one();
    }
  }

  void add_worker() {
    if (workers_.size() >= max_workers_) return;
    Worker& worker = workers_.emplace_back();
    try {
      worker.thread = std::thread([this, &worker] { work(worker); });
      ++idle_;
    } catch (const std::system_error&) {
      workers_.pop_back();
      max_workers_ = workers_.size();
    }
  }

  void stop_overdue(int64_t now) {
    for (Worker& worker : workers_) {
      if (now >= worker.deadline_us) worker.stop = true;
    }
  }

  void give_up() {
    giving_up_ = true;
    outcome_.interrupted = true;
    ready_.clear();
    for (Worker& worker : workers_) worker.stop = true;
  }

  RunProgress progress_now(int64_t now) const {
    RunProgress progress{.total = plan_.requests.size(),
                         .done = done_,
                         .failed = failed_,
                         .running = static_cast<int>(workers_.size() - idle_),
                         .chunks = chunks_.load(std::memory_order_relaxed),
                         .elapsed_us = now};
    if (!recent_ttft_us_.empty()) {
      std::vector<int64_t> sorted(recent_ttft_us_.begin(), recent_ttft_us_.end());
      const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
      std::ranges::nth_element(sorted, middle);
      progress.ttft_us = *middle;
    }
    return progress;
  }

  void work(Worker& worker) {
    std::unique_lock lock(mutex_);
    while (true) {
      work_changed_.wait(lock, [this] { return closing_ || giving_up_ || !ready_.empty(); });
      if (ready_.empty()) return;
      const Due item = ready_.front();
      ready_.pop_front();
      --idle_;
      worker.stop = false;
      worker.deadline_us = now_us() + int64_t{target_.timeout_s} * 1'000'000;
      lock.unlock();
      RequestSample sample = send(item, worker);
      lock.lock();
      worker.deadline_us = kNever;
      ++idle_;
      note_end(std::move(sample), item.index, worker.stop.load());
    }
  }

  RequestSample send(const Due& item, Worker& worker) {
    const PlannedRequest& request = plan_.requests[static_cast<size_t>(item.index)];
    RequestSample sample;
    sample.index = item.index;
    sample.planned_input = request.input_tokens;
    sample.planned_output = request.output_tokens;
    const std::string body = load_request_body(target_, prompt_of(plan_, request), request.output_tokens);
    int32_t counted = 0;
    const auto on_chunk = [&](const RequestSample& so_far) {
      chunks_.fetch_add(so_far.chunks - std::exchange(counted, so_far.chunks), std::memory_order_relaxed);
    };
    send_request(target_, body, clock_, start_us_, worker.stop, on_chunk, sample);
    sample.due_us = plan_.open_loop ? item.at_us : sample.sent_us;
    return sample;
  }

  void note_end(RequestSample sample, int32_t index, bool was_stopped) {
    if (was_stopped && sample.error == SampleError::kTimeout) {
      sample.error = giving_up_ ? SampleError::kInterrupted : SampleError::kTimeout;
      sample.message = giving_up_ ? "the run was ended" : "not whole after " + std::to_string(target_.timeout_s) + " s";
    }
    gaps_ += sample.gaps_us.size();
    if (gaps_ > kMaxGaps) {
      gaps_ -= sample.gaps_us.size();
      sample.gaps_us.clear();
      sample.gaps_complete = sample.chunks < 2;
    }
    if (sample.ok() && sample.first_us >= 0) {
      recent_ttft_us_.push_back(sample.first_us - sample.sent_us);
      if (recent_ttft_us_.size() > kRecentAnswers) recent_ttft_us_.pop_front();
    }
    if (!sample.ok()) ++failed_;
    const int32_t follower = followers_[static_cast<size_t>(index)];
    if (follower >= 0 && !giving_up_) due_.push({sample.end_us + plan_.requests[static_cast<size_t>(follower)].wait_us, follower});
    outcome_.samples.push_back(std::move(sample));
    ++done_;
    if (follower >= 0 || done_ == plan_.requests.size()) main_changed_.notify_one();
  }

  const LoadPlan& plan_;
  const LoadTarget& target_;
  const SteadyClock clock_;
  const int64_t start_us_;
  std::vector<int32_t> followers_;
  std::atomic<int64_t> chunks_{0};

  std::mutex mutex_;
  std::condition_variable main_changed_, work_changed_;
  std::priority_queue<Due> due_;
  std::deque<Due> ready_;       // due, and waiting for a worker
  std::deque<Worker> workers_;  // addresses stay
  size_t max_workers_ = static_cast<size_t>(std::clamp(plan_.max_in_flight, 1, kMaxInFlight));
  size_t idle_ = 0;  // workers without a request, the ones just made too
  size_t gaps_ = 0, done_ = 0, failed_ = 0;
  std::deque<int64_t> recent_ttft_us_;
  bool giving_up_ = false, closing_ = false;
  RunOutcome outcome_;
};

}  // namespace

Result<RunOutcome> run_load(const LoadPlan& plan, const LoadTarget& target, const std::function<bool()>& stopped,
                            const std::function<void(const RunProgress&)>& on_tick) {
  return LoadRun(plan, target).run(stopped, on_tick);
}

}  // namespace ondol
