// Shapes: SDK 1.x wrote `npu` as a string, 2.0 as a number; contexts had `cmd` and `memory`, then `process` and `memalloc`. Power comes in
// microwatts ("17521800uW"), memory as bytes without a unit or with one (lablup/all-smi's reader and its captures of RBLN-CA22 nodes).
#include "device/rbln_stat.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "device/sys_tree.h"

namespace ondol {
namespace {

namespace json = boost::json;

const json::object* object_at(const json::object& in, std::string_view key) {
  const json::value* value = in.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_at(const json::object& in, std::string_view key) {
  const json::value* value = in.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

// A string, or a number as text.
std::string text_at(const json::object& in, std::string_view key) {
  const json::value* value = in.if_contains(key);
  if (value == nullptr) return "";
  if (const json::string* text = value->if_string()) return SysTree::plain(*text);
  return value->is_number() ? SysTree::plain(json::serialize(*value)) : "";
}

struct Quantity {
  double value = 0;
  std::string_view unit;  // in the text it came from
};

// "17521800uW", "31 C", "3.5GiB", "0.0": a number that is not negative, and what stands behind it.
std::optional<Quantity> quantity(std::string_view text) {
  Quantity out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error != std::errc() || !std::isfinite(out.value) || out.value < 0) return std::nullopt;
  out.unit = SysTree::trim(text.substr(static_cast<size_t>(end - text.data())));
  return out;
}

template <size_t N>
std::optional<double> in_units(const std::string& text, const std::array<std::pair<std::string_view, double>, N>& units) {
  const auto found = quantity(text);
  if (!found) return std::nullopt;
  for (const auto& [unit, factor] : units) {
    if (found->unit == unit) return found->value * factor;
  }
  return std::nullopt;
}

std::optional<double> watts(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits = {{{"W", 1}, {"", 1}, {"mW", 1e-3}, {"uW", 1e-6}}};
  return in_units(text, kUnits);
}

std::optional<uint64_t> bytes(const std::string& text) {
  constexpr double kKi = 1024, kMi = kKi * kKi, kGi = kMi * kKi;
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {
      {{"", 1}, {"B", 1}, {"KiB", kKi}, {"KB", kKi}, {"MiB", kMi}, {"MB", kMi}, {"GiB", kGi}, {"GB", kGi}}};
  const auto found = in_units(text, kUnits);
  if (!found || *found > 0x1p62) return std::nullopt;
  return static_cast<uint64_t>(*found);
}

// "31C", "41.33°C" (the degree sign is no printable ASCII and gone by now).
std::optional<double> degrees(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 2> kUnits = {{{"C", 1}, {"", 1}}};
  return in_units(text, kUnits);
}

std::optional<double> gigatransfers(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 1> kUnits = {{{"GT/s", 1}}};
  return in_units(text, kUnits);
}

std::optional<double> ratio(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 2> kUnits = {{{"", 0.01}, {"%", 0.01}}};
  const auto found = in_units(text, kUnits);
  return found && *found <= 1 ? found : std::nullopt;
}

void read_pci(const json::object& pci, DeviceSnapshot& device) {
  device.bdf = text_at(pci, "bus_id");
  for (char& c : device.bdf) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto node = SysTree::to_integer(text_at(pci, "numa_node"));
  if (node && *node >= 0 && *node < 1 << 16) device.numa_node = static_cast<int>(*node);
  PcieLink link;
  const auto width = SysTree::to_integer(text_at(pci, "link_width"));
  if (width && *width > 0 && *width <= 32) link.width = static_cast<int>(*width);
  link.speed_gts = gigatransfers(text_at(pci, "link_speed"));
  if (link.width || link.speed_gts) device.pcie = link;
}

std::optional<DeviceSnapshot> read_device(const json::object& in) {
  DeviceSnapshot device;
  device.kind = DeviceKind::kRebellions;
  device.name = text_at(in, "device");
  device.product = text_at(in, "name");
  device.uuid = text_at(in, "uuid");
  device.serial = text_at(in, "sid");
  device.firmware_version = text_at(in, "fw_ver");
  if (const json::object* pci = object_at(in, "pci")) read_pci(*pci, device);
  device.id = !device.uuid.empty() ? device.uuid : device.bdf;
  if (device.id.empty()) return std::nullopt;  // nobody could say which it is
  if (device.name.empty()) device.name = device.id;
  device.power_w = watts(text_at(in, "card_power"));
  if (const auto temperature = degrees(text_at(in, "temperature"))) device.temperatures_c["npu"] = *temperature;
  device.utilization = ratio(text_at(in, "util"));
  if (const json::object* memory = object_at(in, "memory")) {
    device.memory_used_bytes = bytes(text_at(*memory, "used"));
    device.memory_total_bytes = bytes(text_at(*memory, "total"));
  }
  if (const std::string state = text_at(in, "pstate"); !state.empty()) device.governor = state;
  if (const std::string status = text_at(in, "status"); !status.empty() && status != "normal") {
    device.unhealthy = "rbln-stat gives its status as " + quoted(status);
  }
  return device;
}

void read_context(const json::object& in, std::vector<DeviceSnapshot>& devices, const std::vector<std::string>& npus) {
  const auto place = std::find(npus.begin(), npus.end(), text_at(in, "npu"));
  const auto pid = SysTree::to_integer(text_at(in, "pid"));
  if (place == npus.end() || !pid || *pid <= 0) return;
  const std::string process = text_at(in, "process"), memory = text_at(in, "memalloc");
  DeviceSnapshot& device = devices[static_cast<size_t>(place - npus.begin())];
  device.processes.push_back(
      {*pid, process.empty() ? text_at(in, "cmd") : process, bytes(memory.empty() ? text_at(in, "memory") : memory)});
}

}  // namespace

Result<RblnReport> parse_rbln_stat(std::string_view text) {
  if (text.size() > RblnReport::kMaxBytes) return fail(Code::kPayloadTooLarge, "rbln-stat: more than 4 MiB");
  json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code error;
  const json::value root = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return fail(Code::kInvalidArgument, "rbln-stat: not JSON (" + error.message() + "): " + quoted(text, 40));
  const json::object* top = root.if_object();
  const json::array* listed = top == nullptr ? nullptr : array_at(*top, "devices");
  if (listed == nullptr) return fail(Code::kInvalidArgument, "rbln-stat: its JSON has no list \"devices\"");

  RblnReport report;
  report.driver_version = text_at(*top, "KMD_version");
  std::vector<std::string> npus;  // beside `devices`
  std::set<std::string> cards;
  for (const json::value& item : *listed) {
    if (report.devices.size() >= DeviceReader::kMaxDevices) break;
    const json::object* object = item.if_object();
    auto device = object == nullptr ? std::nullopt : read_device(*object);
    if (!device) continue;
    device->driver_version = report.driver_version;
    if (!device->serial.empty() && !cards.insert(device->serial).second) device->power_w = std::nullopt;
    report.devices.push_back(std::move(*device));
    npus.push_back(text_at(*object, "npu"));
  }
  if (const json::array* contexts = array_at(*top, "contexts")) {
    size_t left = RblnReport::kMaxContexts;
    for (auto item = contexts->begin(); item != contexts->end() && left > 0; ++item, --left) {
      if (const json::object* object = item->if_object()) read_context(*object, report.devices, npus);
    }
  }
  return report;
}

}  // namespace ondol
