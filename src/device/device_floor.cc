#include "device/device_floor.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ondol {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits at the front of `text`, cut off, without leading zeros.
std::string_view take_digits(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

}  // namespace

bool before_by_number(std::string_view a, std::string_view b) {
  std::string_view left = a, right = b;
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view x = take_digits(left), y = take_digits(right);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (left.front() != right.front()) return left.front() < right.front();
      left.remove_prefix(1);
      right.remove_prefix(1);
    }
  }
  if (left.empty() != right.empty()) return left.empty();
  return a < b;
}

DeviceFloor::DeviceFloor(const DeviceReaderOptions& options) {
  readers_.push_back(make_rngd_reader(options));
  readers_.push_back(make_nvidia_reader(options));
  readers_.push_back(make_rebellions_reader(options));
  readers_.push_back(make_cpu_reader(options));
}

std::vector<DeviceSnapshot> DeviceFloor::read() {
  std::vector<DeviceSnapshot> all;
  for (const auto& reader : readers_) {
    for (DeviceSnapshot& device : reader->read()) all.push_back(std::move(device));
  }
  std::ranges::sort(all, [](const DeviceSnapshot& a, const DeviceSnapshot& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    if (a.name != b.name) return before_by_number(a.name, b.name);
    return a.id < b.id;
  });
  return all;
}

std::vector<std::string> DeviceFloor::sources() const {
  std::vector<std::string> sources;
  for (const auto& reader : readers_) sources.push_back(reader->source());
  return sources;
}

const DeviceSnapshot* find_device(const std::vector<DeviceSnapshot>& devices, std::string_view who) {
  if (who.empty()) return nullptr;
  for (const auto field :
       {&DeviceSnapshot::id, &DeviceSnapshot::name, &DeviceSnapshot::uuid, &DeviceSnapshot::serial, &DeviceSnapshot::bdf}) {
    const auto first = std::ranges::find(devices, who, field);
    if (first == devices.end()) continue;
    const bool twice =
        std::find_if(first + 1, devices.end(), [&](const DeviceSnapshot& other) { return other.*field == who; }) != devices.end();
    return twice ? nullptr : &*first;
  }
  return nullptr;
}

}  // namespace ondol
