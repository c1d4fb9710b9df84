// All devices of this machine, whoever made them: the readers of device.h together.
//
// Owner: whoever polls; one thread. Bounded: DeviceReader::kMaxDevices a reader.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"

namespace ondol {

class DeviceFloor {
 public:
  explicit DeviceFloor(const DeviceReaderOptions& options);
  // With readers of one's own, for tests and for floors that are partly imagined.
  explicit DeviceFloor(std::vector<std::unique_ptr<DeviceReader>> readers) : readers_(std::move(readers)) {}

  // By kind, then by name with numbers in their order (npu2 before npu10), then by id. Utilisation needs two readings.
  std::vector<DeviceSnapshot> read();

  // What each reader uses, or why it finds nothing, for a person.
  std::vector<std::string> sources() const;

 private:
  std::vector<std::unique_ptr<DeviceReader>> readers_;
};

// Whether `a` comes before `b` when digits in them are taken for numbers.
bool before_by_number(std::string_view a, std::string_view b);

// The device with that id, name ("npu0"), uuid, serial or PCI address, in this order; null if there is none, or if two have it.
const DeviceSnapshot* find_device(const std::vector<DeviceSnapshot>& devices, std::string_view who);

}  // namespace ondol
