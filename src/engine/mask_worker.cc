#include "engine/mask_worker.h"

#include <exception>
#include <utility>

#include "base/thread_name.h"

namespace ondol {

MaskWorker::~MaskWorker() { wait(); }

void MaskWorker::start(std::vector<Job> jobs) {
  if (jobs.empty()) return;
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  {
    const std::scoped_lock lock(mutex_);
    jobs_ = std::move(jobs);
    busy_ = true;
  }
  changed_.notify_all();
}

void MaskWorker::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_; });
}

void MaskWorker::work(const std::stop_token& stop) {
  name_this_thread("masks");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return busy_; })) {
    const std::vector<Job> jobs = std::exchange(jobs_, {});
    lock.unlock();
    for (const Job& job : jobs) {
      try {
        *job.allowed = job.matcher->mask();
      } catch (const std::exception&) {  // memory: the core ends this answer, the others go on
        *job.allowed = {};
      }
    }
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace ondol
