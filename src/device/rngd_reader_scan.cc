#include "device/rngd_reader_scan.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>

#include "device/rngd_attribute.h"
#include "device/sys_file.h"

namespace ondol {
namespace {

constexpr size_t kMaxClassEntries = DeviceReader::kMaxDevices * (kMaxRngdPes + 1);
constexpr size_t kMaxDeviceNodes = DeviceReader::kMaxDevices * kMaxRngdNodes;
constexpr size_t kMaxPciDevices = 65536;
constexpr size_t kMaxSensorFiles = 512;
constexpr size_t kMaxTemperatures = 32;
constexpr std::string_view kClassPrefix = "rngd!";
constexpr std::string_view kVendor = "0x1ed2", kDevice = "0x0001";

std::string class_folder(const std::string& sysroot) { return sysroot + "/sys/class/rngd_mgmt"; }
std::string node_folder(const std::string& sysroot) { return sysroot + "/dev/rngd"; }
std::string pci_folder(const std::string& sysroot) { return sysroot + "/sys/bus/pci/devices"; }

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

using Cards = std::map<int, RngdCard>;

// The card of that number, made if need be; null when there are too many.
RngdCard* card_of(Cards& cards, int number) {
  const auto found = cards.find(number);
  if (found != cards.end()) return &found->second;
  if (cards.size() == DeviceReader::kMaxDevices) return nullptr;
  RngdCard& card = cards[number];
  card.number = number;
  card.name = "npu" + std::to_string(number);
  return &card;
}

void scan_class(const std::string& sysroot, Cards& cards) {
  const std::string folder = class_folder(sysroot);
  for (const FolderEntry& entry : list_folder(folder, kMaxClassEntries)) {
    if (!entry.name.starts_with(kClassPrefix)) continue;
    const auto node = parse_rngd_node_name(std::string_view(entry.name).substr(kClassPrefix.size()));
    if (!node) continue;
    RngdCard* card = card_of(cards, node->card);
    if (card == nullptr) continue;
    const std::string path = folder + "/" + entry.name;
    if (node->part == "mgmt") card->management = path;
    const bool known = std::ranges::find(card->pes, node->first_pe, &RngdPePaths::index) != card->pes.end();
    if (node->first_pe >= 0 && node->first_pe == node->last_pe && !known) {
      card->pes.push_back({node->first_pe, path + "/alloc_status", path + "/metrics"});
    }
  }
  for (auto& [number, card] : cards) std::ranges::sort(card.pes, {}, &RngdPePaths::index);
}

// On the machine itself a device node is a character device; in a fabricated tree, made without root, a plain file stands for one.
bool is_node(const FolderEntry& entry, bool fabricated) {
  return entry.type == DT_CHR || entry.type == DT_UNKNOWN || (fabricated && entry.type == DT_REG);
}

void scan_nodes(const std::string& sysroot, Cards& cards) {
  const std::string folder = node_folder(sysroot);
  for (const FolderEntry& entry : list_folder(folder, kMaxDeviceNodes)) {
    const auto node = parse_rngd_node_name(entry.name);
    if (!node || !is_node(entry, !sysroot.empty())) continue;
    RngdCard* card = card_of(cards, node->card);
    if (card == nullptr || card->fixed.nodes.size() == kMaxRngdNodes) continue;
    const std::string path = folder + "/" + entry.name;
    card->fixed.nodes.push_back(path);
    if (node->first_pe < 0) continue;
    DevicePart part;
    part.name = node->part;
    part.path = path;
    part.first_core = node->first_pe;
    part.last_core = node->last_pe;
    card->fixed.parts.push_back(std::move(part));
  }
  for (auto& [number, card] : cards) {
    std::ranges::sort(card.fixed.nodes);
    // The widest first, so that a person reads quads, pairs, single PEs.
    std::ranges::sort(card.fixed.parts, {},
                      [](const DevicePart& part) { return std::pair(part.first_core - part.last_core, part.first_core); });
  }
}

// The kernel's hwmon files: <kind><channel>_<what>.
int channel_of(std::string_view file, std::string_view kind, std::string_view what) {
  if (!file.starts_with(kind) || !file.ends_with(what) || file.size() <= kind.size() + what.size()) return -1;
  const auto number = parse_rngd_number(file.substr(kind.size(), file.size() - kind.size() - what.size()), 1, 999);
  return number ? static_cast<int>(*number) : -1;
}

std::string sensor_name(const std::string& label) {
  std::string name = label;
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == ' ' ? '_' : c;
  return name;
}

void scan_sensors(const std::string& folder, RngdCard& card) {
  RngdSensorPaths& sensors = card.sensors;
  std::vector<FolderEntry> files = list_folder(folder, kMaxSensorFiles);
  std::ranges::sort(files, {}, &FolderEntry::name);
  const auto label_of = [&](const std::string& channel) {
    return read_attribute(folder + "/" + channel + "_label", card.problems, parse_rngd_text).value_or("");
  };
  for (const FolderEntry& file : files) {
    if (const int channel = channel_of(file.name, "temp", "_input"); channel > 0 && sensors.temperatures.size() < kMaxTemperatures) {
      const std::string name = "temp" + std::to_string(channel);
      const std::string label = sensor_name(label_of(name));
      sensors.temperatures.emplace_back(label.empty() ? name : label, folder + "/" + file.name);
    }
    if (const int channel = channel_of(file.name, "power", "_average"); channel > 0) {
      const std::string name = "power" + std::to_string(channel);
      // The card's whole power is the channel RMS_TOTAL; a driver without labels has one channel.
      if (!sensors.power.empty() && label_of(name) != "RMS_TOTAL") continue;
      sensors.power = folder + "/" + file.name;
      sensors.power_limit = folder + "/" + name + "_max";
    }
  }
}

void scan_pci_device(RngdCard& card) {
  DeviceSnapshot& fixed = card.fixed;
  std::vector<std::string>& problems = card.problems;
  const auto number = [&](const char* name, int64_t min, int64_t max) -> std::optional<int> {
    const auto value =
        read_attribute(card.pci + "/" + name, problems, [&](std::string_view text) { return parse_rngd_number(text, min, max); });
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  };
  // -1: the machine has one node, or does not say.
  if (const auto node = number("numa_node", -1, 4095); node && *node >= 0) fixed.numa_node = node;
  fixed.sriov_total_vfs = number("sriov_totalvfs", 0, 65535);
  fixed.sriov_enabled_vfs = number("sriov_numvfs", 0, 65535);
  fixed.pcie.emplace();
  // 255 is what the kernel writes for a link whose width it does not know.
  if (const auto width = number("max_link_width", 0, 255); width && *width > 0 && *width < 255) fixed.pcie->max_width = width;
  const auto speed = read_attribute(card.pci + "/max_link_speed", problems, parse_rngd_text);
  if (speed) fixed.pcie->max_speed_gts = parse_link_speed(*speed);
  for (const char* name : {"class", "revision", "subsystem_vendor", "subsystem_device", "local_cpulist"}) {
    if (auto text = read_attribute(card.pci + "/" + name, problems, parse_rngd_text)) fixed.details["pci_" + std::string(name)] = *text;
  }
  if (!exists(card.pci)) {
    problems.push_back("its PCI device " + fixed.bdf + " is not there");
  } else if (!exists(card.pci + "/driver")) {
    problems.push_back("no driver is bound to its PCI device " + fixed.bdf + "; it is disabled, or furiosa_rngd is not loaded");
  }
  for (const FolderEntry& entry : list_folder(card.pci + "/hwmon", 16)) {
    if (entry.name.starts_with("hwmon")) scan_sensors(card.pci + "/hwmon/" + entry.name, card);
  }
}

// A class entry is a link to .../<PCI address>/rngd_mgmt/<entry>: where the device hangs, if busname does not say.
std::string address_in_link(const std::string& path) {
  std::error_code error;
  std::string address;
  for (const auto& part : std::filesystem::read_symlink(path, error)) {
    if (is_pci_address(part.native())) address = part.native();
  }
  return address;
}

void scan_management(RngdCard& card) {
  DeviceSnapshot& fixed = card.fixed;
  const auto text = [&](const char* name) { return read_attribute(card.management + "/" + name, card.problems, parse_rngd_text); };
  const auto version = [&](const char* name) { return read_attribute(card.management + "/" + name, card.problems, parse_rngd_version); };
  fixed.serial = text("device_sn").value_or("");
  fixed.product = text("device_type").value_or("RNGD");
  card.driver = version("version");
  if (card.driver) fixed.driver_version = card.driver->text();
  if (const auto firmware = version("fw_version")) fixed.firmware_version = firmware->text();
  for (const char* name : {"dev", "platform_type", "soc_id", "soc_rev", "soc_uid", "pe_ipc_timeout_ms"}) {
    if (auto value = text(name)) fixed.details[name] = *value;
  }
  const auto bus_name = text("busname");
  if (bus_name && is_pci_address(*bus_name)) {
    fixed.bdf = *bus_name;
    return;
  }
  if (bus_name) card.problems.push_back("busname: " + quoted(*bus_name, 40) + " is not a PCI address");
  fixed.bdf = address_in_link(card.management);
}

// Direct transfers between cards go through npuNdmar and npuNch0r to npuNch7r: they need all nine.
bool has_p2p_nodes(const RngdCard& card) {
  size_t found = 0;
  for (const std::string& path : card.fixed.nodes) {
    const auto node = parse_rngd_node_name(std::string_view(path).substr(path.rfind('/') + 1));
    const std::string_view part = node ? node->part : "";
    found += part == "dmar" || (part.size() == 4 && part.starts_with("ch") && part[2] >= '0' && part[2] <= '7' && part[3] == 'r');
  }
  return found == 9;
}

void scan_card(const std::string& sysroot, RngdCard& card) {
  card.fixed.kind = DeviceKind::kRngd;
  card.fixed.name = card.name;
  card.fixed.product = "RNGD";
  card.debugfs = sysroot + "/sys/kernel/debug/rngd/mgmt" + std::to_string(card.number);
  if (card.management.empty()) {
    card.problems.push_back("the driver has no management entry for it in /sys/class/rngd_mgmt");
  } else {
    scan_management(card);
    if (card.fixed.nodes.empty()) card.problems.push_back("no device node in /dev/rngd: this process, or its container, may not use it");
  }
  card.fixed.details["p2p_nodes"] = has_p2p_nodes(card) ? "yes" : "no";
  if (card.fixed.bdf.empty()) return;
  card.pci = pci_folder(sysroot) + "/" + card.fixed.bdf;
  scan_pci_device(card);
}

// RNGD cards on the bus that the driver does not show: no driver, or one that gave up.
void scan_bus(const std::string& sysroot, std::vector<RngdCard>& cards) {
  const std::string folder = pci_folder(sysroot);
  std::vector<FolderEntry> devices = list_folder(folder, kMaxPciDevices);
  std::ranges::sort(devices, {}, &FolderEntry::name);
  for (const FolderEntry& device : devices) {
    const std::string path = folder + "/" + device.name;
    if (cards.size() == DeviceReader::kMaxDevices) return;
    if (!is_pci_address(device.name) || read_sys_file(path + "/vendor").value_or("") != kVendor) continue;
    if (read_sys_file(path + "/device").value_or("") != kDevice) continue;
    const bool known = std::ranges::any_of(cards, [&](const RngdCard& card) { return card.fixed.bdf == device.name; });
    if (known || exists(path + "/physfn")) continue;  // physfn: a virtual function of a card
    RngdCard card;
    card.name = device.name;
    card.fixed.kind = DeviceKind::kRngd;
    card.fixed.name = device.name;
    card.fixed.bdf = device.name;
    card.fixed.product = "RNGD";
    card.pci = path;
    card.problems.push_back("the driver has no management entry for it in /sys/class/rngd_mgmt");
    scan_pci_device(card);
    cards.push_back(std::move(card));
  }
}

}  // namespace

std::vector<RngdCard> scan_rngd_cards(const std::string& sysroot) {
  Cards by_number;
  scan_class(sysroot, by_number);
  scan_nodes(sysroot, by_number);
  std::vector<RngdCard> cards;
  for (auto& [number, card] : by_number) {
    scan_card(sysroot, card);
    cards.push_back(std::move(card));
  }
  scan_bus(sysroot, cards);
  return cards;
}

uint64_t rngd_fingerprint(const std::string& sysroot) {
  uint64_t sum = 0;
  const auto add = [&](const std::string& folder, size_t max, uint64_t factor) {
    // A sum, because folders have no order.
    for (const FolderEntry& entry : list_folder(folder, max)) sum += factor * (std::hash<std::string>{}(entry.name) | 1);
  };
  add(class_folder(sysroot), kMaxClassEntries, 1);
  add(node_folder(sysroot), kMaxDeviceNodes, 3);
  add(pci_folder(sysroot), kMaxPciDevices, 5);
  return sum;
}

}  // namespace ondol
