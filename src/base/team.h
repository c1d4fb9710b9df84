// A fixed team of threads that run one function together: the caller is member 0, the workers are 1..size-1.
//
// Owner: the engine. `run` may be called by one thread at a time. Inside it every member may call `barrier` and take items from a
// `WorkCounter`. Workers spin for a short while between barriers (a decode step has hundreds of them, each a few microseconds apart) and
// sleep when no run is active, so an idle engine takes no CPU.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace ondol {

class Team {
 public:
  // `size` >= 1. With `pin`, member i > 0 is bound to the i-th CPU that the process may use.
  explicit Team(int size, bool pin = false);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }

  // Calls job(member) on all members and returns when all are done. The job must not throw.
  void run(const std::function<void(int member)>& job);

  // Inside run: returns when all members have arrived. What each wrote before is seen by all after.
  void barrier();

 private:
  void worker(int member);
  void pause(int& spins) const;

  const int size_;
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<uint32_t> epoch_{0};
  std::atomic<int> running_{0};
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  std::vector<std::jthread> workers_;
};

// Items [0, count) handed out in runs of `grain`: the fast member takes more, so a noisy neighbour on one core does not stall the rest.
class alignas(64) WorkCounter {
 public:
  void reset() { next_.store(0, std::memory_order_relaxed); }
  // The start of the next run of items; at or past the item count when there are none left.
  int64_t take(int64_t grain) { return next_.fetch_add(grain, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> next_{0};
};

}  // namespace ondol
