// A few threads that do what would hold up the HTTP threads: parse, render, tokenise.
//
// Owner: the Api. `post` from any thread. Bounded: jobs in the queue, and the bytes that they say they hold; more is refused.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ondol {

class WorkerPool {
 public:
  WorkerPool(int threads, size_t max_jobs, size_t max_bytes);
  ~WorkerPool();  // as stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False if the queue is full (or the pool stopped): the job was not taken. The job must not throw.
  bool post(std::function<void()> job, size_t bytes);

  // Drops what is queued, waits for what runs. Not from a job.
  void stop();

 private:
  struct Job {
    std::function<void()> run;
    size_t bytes;
  };
  void work();

  const size_t max_jobs_, max_bytes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  size_t queued_bytes_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ondol
