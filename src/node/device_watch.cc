#include "node/device_watch.h"

#include <chrono>
#include <utility>

#include "base/thread_name.h"

namespace ondol {
namespace {

std::vector<std::unique_ptr<DeviceReader>> readers(const DeviceReaderOptions& options) {
  std::vector<std::unique_ptr<DeviceReader>> out;
  out.push_back(make_rngd_reader(options));
  out.push_back(make_nvidia_reader(options));
  return out;
}

}  // namespace

DeviceWatch::DeviceWatch(const DeviceReaderOptions& options) : floor_(readers(options)), thread_([this] { run(); }) {}

DeviceWatch::~DeviceWatch() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::shared_ptr<const DeviceView> DeviceWatch::last() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

std::shared_ptr<const DeviceView> DeviceWatch::fresh() {
  std::unique_lock lock(mutex_);
  const uint64_t mine = ++wanted_;
  changed_.notify_all();
  changed_.wait_for(lock, std::chrono::microseconds(kPatience_us), [&] { return done_ >= mine; });
  return view_;
}

void DeviceWatch::run() {
  name_this_thread("ondol-devices");
  for (std::unique_lock lock(mutex_); !ending_;) {
    const uint64_t serves = wanted_;
    DeviceView next{.devices = {}, .kinds = view_->kinds};
    lock.unlock();
    next.devices = floor_.read();
    for (const DeviceSnapshot& device : next.devices) next.kinds.insert(device.kind);
    lock.lock();
    view_ = std::make_shared<const DeviceView>(std::move(next));
    done_ = serves;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::microseconds(kEvery_us), [&] { return ending_ || wanted_ != serves; });
  }
}

}  // namespace ondol
