#include "gateway/pump.h"

#include <utility>

#include "base/thread_name.h"

namespace ondol {

Pump::Pump()
    : thread_([this] {
        name_this_thread("pump");
        work();
      }) {}

Pump::~Pump() { stop(); }

void Pump::post(std::shared_ptr<PumpItem> item) {
  {
    const std::scoped_lock lock(mutex_);
    if (stop_) return;
    line_.push_back(std::move(item));
  }
  wake_.notify_one();
}

void Pump::stop() {
  std::deque<std::shared_ptr<PumpItem>> dropped;
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
    dropped.swap(line_);
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Pump::work() {
  for (;;) {
    std::shared_ptr<PumpItem> item;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !line_.empty(); });
      if (stop_) return;
      item = std::move(line_.front());
      line_.pop_front();
    }
    item->run();
  }
}

}  // namespace ondol
