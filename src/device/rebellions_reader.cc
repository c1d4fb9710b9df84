#include "device/rebellions_reader.h"

#include <memory>
#include <utility>

namespace ondol {
namespace {

constexpr std::string_view kDevices = "/sys/bus/pci/devices/";
constexpr int64_t kAskEveryUs = 1'000'000;
constexpr int64_t kToolLimitMs = 2000;

// PCI device ids by product as the vendor's Kubernetes operator has them; the odd ones are virtual functions.
std::string product_of(std::string_view device_id) {
  if (device_id == "0x1120" || device_id == "0x1121") return "RBLN-CA12";
  if (device_id == "0x1220" || device_id == "0x1221") return "RBLN-CA22";
  if (device_id == "0x1250" || device_id == "0x1251") return "RBLN-CA25";
  return "Rebellions NPU " + SysTree::plain(device_id, 16);
}

// The driver's list of queues names the device in its second line: "rbln0   0   4 1024  1".
std::string name_in_pools(const std::string& pools) {
  const size_t line = pools.find('\n');
  if (line == std::string::npos) return "";
  const std::string_view rest = SysTree::trim(std::string_view(pools).substr(line + 1));
  return SysTree::plain(rest.substr(0, rest.find_first_of(" \t\n")), 32);
}

std::optional<int> small(const std::optional<int64_t>& value) {
  if (!value || *value < 0 || *value > 1 << 16) return std::nullopt;
  return static_cast<int>(*value);
}

// "32.0 GT/s PCIe".
std::optional<double> speed_gts(const std::string& text) { return SysTree::to_number(text.substr(0, text.find(' '))); }

std::string installed_tool(const DeviceReaderOptions& options) {
  const SysTree tree(options.sysroot);
  if (!options.vendor_libraries || tree.path("") != "") return "";
  for (const char* path : {"/usr/local/bin/rbln-stat", "/usr/bin/rbln-stat", "/usr/local/bin/rbln-smi", "/usr/bin/rbln-smi"}) {
    if (tree.exists(path)) return path;
  }
  return "";
}

void add_identity(const DeviceSnapshot& told, DeviceSnapshot& device) {
  device.id = told.id;
  device.product = told.product.empty() ? device.product : told.product;
  device.uuid = told.uuid;
  device.serial = told.serial;
}

// What the tool knows and the bus does not.
void add_telemetry(const DeviceSnapshot& told, DeviceSnapshot& device) {
  add_identity(told, device);
  device.driver_version = told.driver_version;
  device.firmware_version = told.firmware_version;
  device.power_w = told.power_w;
  device.temperatures_c = told.temperatures_c;
  device.utilization = told.utilization;
  device.governor = told.governor;
  device.memory_total_bytes = told.memory_total_bytes;
  device.memory_used_bytes = told.memory_used_bytes;
  device.processes = told.processes;
  if (!device.pcie) device.pcie = told.pcie;
  if (device.unhealthy.empty()) device.unhealthy = told.unhealthy;
}

}  // namespace

RebellionsReader::RebellionsReader(const DeviceReaderOptions& options, std::string tool, const Clock& clock)
    : tree_(options.sysroot), tool_(std::move(tool), kToolLimitMs), clock_(clock) {}

std::vector<DeviceSnapshot> RebellionsReader::read() {
  std::vector<DeviceSnapshot> devices = read_bus();
  if (!devices.empty() && !tool_.program().empty()) {
    ask_tool();
    add_report(devices);
  }
  last_seen_.add_vanished(devices);
  return devices;
}

std::string RebellionsReader::source() const {
  const std::string bus = "sysfs at " + tree_.path("/sys");
  if (tool_.program().empty()) return bus + "; no rbln-stat: power, temperature and use are unknown";
  return bus + (tool_error_.empty() ? " and " + tool_.program() : "; " + tool_error_);
}

std::vector<DeviceSnapshot> RebellionsReader::read_bus() const {
  std::vector<DeviceSnapshot> devices;
  for (const std::string& bdf : tree_.names(kDevices)) {
    if (devices.size() >= kMaxDevices) break;
    if (auto device = read_function(bdf)) devices.push_back(std::move(*device));
  }
  return devices;
}

std::optional<DeviceSnapshot> RebellionsReader::read_function(const std::string& bdf) const {
  const std::string folder = std::string(kDevices) + bdf + "/";
  if (tree_.text_or_empty(folder + "vendor") != "0x1eff") return std::nullopt;
  if (tree_.exists(folder + "physfn")) return std::nullopt;  // a virtual function, counted at its card
  DeviceSnapshot device;
  device.kind = DeviceKind::kRebellions;
  device.bdf = device.id = device.name = SysTree::plain(bdf, 32);
  device.product = product_of(tree_.text_or_empty(folder + "device"));
  device.numa_node = small(tree_.integer(folder + "numa_node"));
  device.sriov_total_vfs = small(tree_.integer(folder + "sriov_totalvfs"));
  device.sriov_enabled_vfs = small(tree_.integer(folder + "sriov_numvfs"));
  PcieLink link;
  link.width = small(tree_.integer(folder + "current_link_width"));
  link.max_width = small(tree_.integer(folder + "max_link_width"));
  link.speed_gts = speed_gts(tree_.text_or_empty(folder + "current_link_speed"));
  link.max_speed_gts = speed_gts(tree_.text_or_empty(folder + "max_link_speed"));
  if (link.width || link.speed_gts) device.pcie = link;

  const std::string driver = tree_.link_name(folder + "driver");
  if (driver != "rebellions") {
    device.unhealthy =
        driver.empty() ? "no driver has it; load the module rebellions" : "the driver " + quoted(driver) + " has it, not rebellions";
    return device;
  }
  const std::string name = name_in_pools(tree_.text_or_empty("/sys/bus/pci/drivers/rebellions/" + bdf + "/pools"));
  if (name.empty()) {
    device.unhealthy = "the driver's file \"pools\" does not name it; see the kernel's log (dmesg)";
    return device;
  }
  device.name = name;
  device.nodes = {"/dev/" + name};
  if (!tree_.exists("/dev/" + name)) device.unhealthy = "/dev/" + name + " is missing";
  return device;
}

void RebellionsReader::ask_tool() {
  const int64_t now_us = clock_.now_us();
  if (asked_us_ && now_us - *asked_us_ < kAskEveryUs) return;
  asked_us_ = now_us;
  report_.reset();
  tool_error_.clear();
  const auto text = tool_.run({"--json"});
  Result<RblnReport> report = text ? parse_rbln_stat(*text) : std::unexpected(text.error());
  if (report) {
    report_ = std::move(*report);
  } else {
    tool_error_ = report.error().message;
  }
}

void RebellionsReader::add_report(std::vector<DeviceSnapshot>& devices) {
  std::map<std::string, DeviceSnapshot> told;
  if (report_) {
    for (const DeviceSnapshot& device : report_->devices) told.emplace(device.bdf, device);
  }
  std::map<std::string, DeviceSnapshot> known;
  for (DeviceSnapshot& device : devices) {
    if (const auto found = told.find(device.bdf); found != told.end()) {
      add_telemetry(found->second, device);
    } else {
      const auto before = told_.find(device.bdf);
      if (before != told_.end()) add_identity(before->second, device);
      if (device.unhealthy.empty()) {
        device.unhealthy = report_ ? "rbln-stat does not list it; see the kernel's log (dmesg)" : tool_error_;
      }
    }
    known.emplace(device.bdf, identity_of(device));
  }
  told_ = std::move(known);
}

std::unique_ptr<DeviceReader> make_rebellions_reader(const DeviceReaderOptions& options) {
  static const SteadyClock clock;
  return std::make_unique<RebellionsReader>(options, installed_tool(options), clock);
}

}  // namespace ondol
