#include "app/device_feed.h"

#include <utility>

namespace ondol {

DeviceFeed::DeviceFeed(std::vector<std::unique_ptr<DeviceReader>> readers, const Clock& clock) : clock_(clock) {
  for (auto& reader : readers) readers_.emplace_back().reader = std::move(reader);
}

DeviceFeed::View DeviceFeed::read(size_t reader, int64_t max_age_us) {
  const int64_t oldest_us = clock_.now_us() - max_age_us;
  Source& source = readers_.at(reader);
  const std::scoped_lock lock(source.mutex);
  if (!source.begun_us || *source.begun_us < oldest_us) {
    source.begun_us = clock_.now_us();
    source.view.devices = std::make_shared<const std::vector<DeviceSnapshot>>(source.reader->read());
    source.view.at_us = clock_.now_us();
  }
  return source.view;
}

std::vector<DeviceSnapshot> DeviceFeed::read_all(int64_t max_age_us) {
  std::vector<DeviceSnapshot> all;
  for (size_t i = 0; i < size(); ++i) {
    const View view = read(i, max_age_us);
    all.insert(all.end(), view.devices->begin(), view.devices->end());
  }
  return all;
}

}  // namespace ondol
