// The thread on which answers are written: things that have something to do are put in line, and run one after the other.
//
// Owner: shared by the Api, which stops it, and the generations. `post` from any thread, never blocks for longer than a short lock.
// Bounded: an item stands in line at most once (it keeps that rule itself), so the line is as long as there are requests in flight.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace ondol {

class PumpItem {
 public:
  virtual ~PumpItem() = default;
  virtual void run() = 0;  // must not throw
};

class Pump {
 public:
  Pump();
  ~Pump();  // as stop(); may be the last to let go on any thread but its own, after stop() on any at all
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  // Dropped after stop().
  void post(std::shared_ptr<PumpItem> item);
  // Waits for the item that runs and drops the others. Not from an item.
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<PumpItem>> line_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ondol
