// Reads the devices that engines are pinned to, once a second, on a thread of its own: a driver that hangs holds no engine up.
//
// Owner: a node that has such engines. Any thread. Bounded: one reading at a time. Starts no processes: only RNGD cards and NVIDIA GPUs are
// read, since no engine is pinned to anything else.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "device/device_floor.h"
#include "node/pinned_device.h"

namespace ondol {

class DeviceWatch {
 public:
  static constexpr int64_t kEvery_us = 1'000'000;
  static constexpr int64_t kPatience_us = 5'000'000;

  explicit DeviceWatch(const DeviceReaderOptions& options);
  ~DeviceWatch();  // waits for a reading that is under way
  DeviceWatch(const DeviceWatch&) = delete;

  std::shared_ptr<const DeviceView> last() const;
  // Of a reading that began after the call; the last one if that takes longer than kPatience_us.
  std::shared_ptr<const DeviceView> fresh();

 private:
  void run();

  DeviceFloor floor_;  // the thread's
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  uint64_t wanted_ = 0, done_ = 0;  // readings by number: asked for, and the last that has ended
  std::shared_ptr<const DeviceView> view_ = std::make_shared<const DeviceView>();
  std::thread thread_;
};

}  // namespace ondol
