#include "device/device_json.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

namespace ondol {
namespace {

template <class T>
boost::json::value or_null(const std::optional<T>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(boost::json::string_view(text));
}

boost::json::object core_json(const DeviceCore& core) {
  return {{"index", core.index},
          {"occupied", or_null(core.occupied)},
          {"utilization", or_null(core.utilization)},
          {"clock_mhz", or_null(core.clock_mhz)},
          {"tensor_clock_mhz", or_null(core.tensor_clock_mhz)},
          {"memory_used_bytes", or_null(core.memory_used_bytes)},
          {"memory_total_bytes", or_null(core.memory_total_bytes)},
          {"cycles", or_null(core.cycles)},
          {"task_cycles", or_null(core.task_cycles)}};
}

boost::json::object part_json(const DevicePart& part) {
  return {{"name", part.name},
          {"path", text_or_null(part.path)},
          {"uuid", text_or_null(part.uuid)},
          {"first_core", part.first_core},
          {"last_core", part.last_core},
          {"memory_used_bytes", or_null(part.memory_used_bytes)},
          {"memory_total_bytes", or_null(part.memory_total_bytes)}};
}

boost::json::value pcie_json(const std::optional<PcieLink>& pcie) {
  if (!pcie) return nullptr;
  return boost::json::object{{"width", or_null(pcie->width)},
                             {"max_width", or_null(pcie->max_width)},
                             {"speed_gts", or_null(pcie->speed_gts)},
                             {"max_speed_gts", or_null(pcie->max_speed_gts)}};
}

template <class Items, class ToJson>
boost::json::array list_json(const Items& items, const ToJson& to_json) {
  boost::json::array list;
  for (const auto& item : items) list.push_back(to_json(item));
  return list;
}

template <class Map>
boost::json::object map_json(const Map& map) {
  boost::json::object object;
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

void add_identity(const DeviceSnapshot& device, boost::json::object& out) {
  const std::string_view kind = device_kind_name(device.kind);
  out["id"] = device.id;
  out["name"] = device.name;
  out["kind"] = boost::json::string_view(kind.data(), kind.size());
  out["product"] = text_or_null(device.product);
  out["uuid"] = text_or_null(device.uuid);
  out["serial"] = text_or_null(device.serial);
  out["bdf"] = text_or_null(device.bdf);
  out["driver_version"] = text_or_null(device.driver_version);
  out["firmware_version"] = text_or_null(device.firmware_version);
  out["numa_node"] = or_null(device.numa_node);
  out["healthy"] = device.unhealthy.empty();
  out["unhealthy"] = text_or_null(device.unhealthy);
}

}  // namespace

boost::json::object device_json(const DeviceSnapshot& device) {
  boost::json::object out;
  const auto text = [](const std::string& value) { return boost::json::value(boost::json::string_view(value)); };
  add_identity(device, out);
  out["power_w"] = or_null(device.power_w);
  out["power_limit_w"] = or_null(device.power_limit_w);
  out["energy_j"] = or_null(device.energy_j);
  out["temperatures_c"] = map_json(device.temperatures_c);
  out["throttle_reasons"] = list_json(device.throttle_reasons, text);
  out["governor"] = device.governor ? text(*device.governor) : boost::json::value(nullptr);
  out["utilization"] = or_null(device.utilization);
  out["clock_mhz"] = or_null(device.clock_mhz);
  out["memory_clock_mhz"] = or_null(device.memory_clock_mhz);
  out["memory_used_bytes"] = or_null(device.memory_used_bytes);
  out["memory_total_bytes"] = or_null(device.memory_total_bytes);
  out["pcie"] = pcie_json(device.pcie);
  out["sriov_total_vfs"] = or_null(device.sriov_total_vfs);
  out["sriov_enabled_vfs"] = or_null(device.sriov_enabled_vfs);
  out["cores"] = list_json(device.cores, core_json);
  out["parts"] = list_json(device.parts, part_json);
  out["processes"] = list_json(device.processes, [](const DeviceProcess& process) {
    return boost::json::object{
        {"pid", process.pid}, {"command", text_or_null(process.command)}, {"memory_bytes", or_null(process.memory_bytes)}};
  });
  out["nodes"] = list_json(device.nodes, text);
  out["details"] = map_json(device.details);
  return out;
}

}  // namespace ondol
