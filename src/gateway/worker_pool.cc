#include "gateway/worker_pool.h"

#include "base/thread_name.h"

#include <utility>

namespace ondol {

WorkerPool::WorkerPool(int threads, size_t max_jobs, size_t max_bytes) : max_jobs_(max_jobs), max_bytes_(max_bytes) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      name_this_thread("worker");
      work();
    });
  }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::post(std::function<void()> job, size_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    // One job larger than the bound may still run, alone.
    const bool full = queue_.size() >= max_jobs_ || (queued_bytes_ > 0 && queued_bytes_ + bytes > max_bytes_);
    if (stop_ || full) return false;
    queue_.push_back({std::move(job), bytes});
    queued_bytes_ += bytes;
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::stop() {
  std::deque<Job> dropped;
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  dropped.clear();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerPool::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= job.bytes;
    }
    job.run();
  }
}

}  // namespace ondol
