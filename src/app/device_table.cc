#include "app/device_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "app/sizes.h"
#include "app/table.h"

namespace ondol {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string number(const std::optional<double>& value, std::string_view unit, int digits = 0) {
  return value ? fmt::format("{:.{}f} {}", *value, digits, unit) : "-";
}

std::string memory(const std::optional<uint64_t>& bytes) { return bytes ? format_size(*bytes) : "-"; }

// The hottest sensor: what a person looks for first.
std::string hottest(const DeviceSnapshot& device) {
  std::optional<double> most;
  for (const auto& [name, degrees] : device.temperatures_c) most = std::max(most.value_or(degrees), degrees);
  return number(most, "C");
}

std::string power(const DeviceSnapshot& device) {
  const std::string drawn = number(device.power_w, "W", 1);
  return device.power_limit_w ? drawn + fmt::format(" / {:.0f} W", *device.power_limit_w) : drawn;
}

std::string used_memory(const DeviceSnapshot& device) {
  if (!device.memory_total_bytes) return "-";
  return memory(device.memory_used_bytes) + " / " + format_size(*device.memory_total_bytes);
}

// "3 of 8": the PEs that somebody holds.
std::string occupied(const DeviceSnapshot& device) {
  const auto known = std::ranges::count_if(device.cores, [](const DeviceCore& core) { return core.occupied.has_value(); });
  const auto held = std::ranges::count_if(device.cores, [](const DeviceCore& core) { return core.occupied == true; });
  return known == 0 ? "-" : fmt::format("{} of {}", held, known);
}

std::string reasons(const DeviceSnapshot& device) {
  std::string text;
  for (const std::string& reason : device.throttle_reasons) text += (text.empty() ? "" : ", ") + reason;
  return or_dash(text);
}

std::string health(const DeviceSnapshot& device) { return device.unhealthy.empty() ? "ok" : "unhealthy: " + device.unhealthy; }

}  // namespace

std::string device_list_table(const std::vector<DeviceSnapshot>& devices) {
  Table table;
  for (const char* title : {"DEVICE", "PRODUCT", "ID", "PCI"}) table.column(title);
  table.column("MEMORY", Table::Align::kRight);
  for (const char* title : {"CORES", "NUMA", "DRIVER", "FIRMWARE", "HEALTH"}) table.column(title);
  for (const DeviceSnapshot& device : devices) {
    table.row({device.name, or_dash(device.product), or_dash(device.id), or_dash(device.bdf), memory(device.memory_total_bytes),
               device.cores.empty() ? "-" : std::to_string(device.cores.size()), device.numa_node ? std::to_string(*device.numa_node) : "-",
               or_dash(device.driver_version), or_dash(device.firmware_version), health(device)});
  }
  return table.render();
}

std::string device_top_table(const std::vector<DeviceSnapshot>& devices) {
  Table table;
  table.column("DEVICE");
  table.column("BUSY", Table::Align::kRight);
  table.column("POWER", Table::Align::kRight);
  table.column("TEMP", Table::Align::kRight);
  table.column("CLOCK", Table::Align::kRight);
  table.column("MEMORY", Table::Align::kRight);
  for (const char* title : {"OCCUPIED", "GOVERNOR", "SLOWED BY", "HEALTH"}) table.column(title);
  for (const DeviceSnapshot& device : devices) {
    const std::optional<double> percent = device.utilization ? std::optional(*device.utilization * 100) : std::nullopt;
    table.row({device.name, number(percent, "%"), power(device), hottest(device), number(device.clock_mhz, "MHz"), used_memory(device),
               occupied(device), device.governor.value_or("-"), reasons(device), health(device)});
  }
  return table.render();
}

}  // namespace ondol
