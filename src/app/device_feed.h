// All devices of a floor, read once for everybody who wants to know: the meters and /metrics share the same snapshots.
//
// Owner: Metering. Any thread; a reader is asked by one thread at a time, and one that takes long keeps those waiting who want its devices,
// not the others. Bounded: DeviceReader::kMaxDevices a reader.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "device/device.h"

namespace ondol {

class DeviceFeed {
 public:
  static constexpr int64_t kMaxAgeUs = 200'000;

  struct View {
    std::shared_ptr<const std::vector<DeviceSnapshot>> devices;
    int64_t at_us = 0;  // when the reading had ended
  };

  // The clock outlives this. Reads nothing yet.
  DeviceFeed(std::vector<std::unique_ptr<DeviceReader>> readers, const Clock& clock);

  size_t size() const { return readers_.size(); }
  // The devices of one reader, read again if what is known is older than that. With 0 no reading that began before this call will do.
  View read(size_t reader, int64_t max_age_us = kMaxAgeUs);
  // Those of all readers.
  std::vector<DeviceSnapshot> read_all(int64_t max_age_us = kMaxAgeUs);

 private:
  struct Source {
    std::mutex mutex;
    std::unique_ptr<DeviceReader> reader;
    View view;
    std::optional<int64_t> begun_us;
  };

  const Clock& clock_;
  std::deque<Source> readers_;
};

}  // namespace ondol
