// The entries of a fabricated card that do not change: PCI devices, class links, device nodes, versions.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <set>
#include <utility>

#include "device/rngd_tree.h"

namespace ondol {
namespace {

using Files = std::initializer_list<std::pair<std::string_view, std::string_view>>;

constexpr unsigned kFirstMajor = 236;  // what FuriosaAI's documentation shows

// A major number that no character driver of this machine has, so that a fabricated node never opens a real device.
unsigned free_major() {
  std::set<unsigned> taken;
  std::ifstream devices("/proc/devices");
  std::string line;
  while (std::getline(devices, line) && line != "Block devices:") {
    unsigned number = 0;
    if (std::sscanf(line.c_str(), "%u", &number) == 1) taken.insert(number);
  }
  unsigned major = kFirstMajor;
  while (major > 1 && taken.contains(major)) --major;
  return major;
}

}  // namespace

// What is there beside the cards: the folders, and a host of two cores, which the maker's libraries look for.
Status RngdTree::create_host() {
  const std::string cpu = path_ + "/sys/devices/system/cpu";
  for (const char* name : {"sys/bus/pci/devices", "sys/bus/pci/slots", "sys/bus/pci/drivers/furiosa_rngd", "sys/class/rngd_mgmt",
                           "sys/kernel/debug/rngd", "dev/rngd", ".scratch"}) {
    ONDOL_TRY_STATUS(folder(path_ + "/" + name));
  }
  const auto write = [&](const std::string& file, std::string_view content) { return put(0, file, std::string(content) + "\n"); };
  for (const char* core : {"0", "1"}) {
    const std::string topology = cpu + "/cpu" + core + "/topology";
    ONDOL_TRY_STATUS(folder(topology));
    const std::string mask = core[0] == '0' ? "1" : "2";
    const std::initializer_list<std::pair<std::string_view, std::string>> files = {
        {"physical_package_id", "0"}, {"core_id", core},           {"thread_siblings", mask}, {"thread_siblings_list", core},
        {"core_cpus", mask},          {"core_cpus_list", core},    {"core_siblings", "3"},    {"core_siblings_list", "0-1"},
        {"package_cpus", "3"},        {"package_cpus_list", "0-1"}};
    for (const auto& [name, content] : files) {
      ONDOL_TRY_STATUS(write(fmt::format("{}/{}", topology, name), content));
    }
  }
  for (const char* name : {"possible", "online", "present"}) ONDOL_TRY_STATUS(write(cpu + "/" + name, "0-1"));
  ONDOL_TRY_STATUS(write(cpu + "/kernel_max", "8191"));
  for (const char* name : {"bind", "unbind"}) {
    ONDOL_TRY_STATUS(put(0, path_ + "/sys/bus/pci/drivers/furiosa_rngd/" + name, ""));
  }
  // Whether this process may make device nodes is found out with one that no reader takes for a card's.
  const std::string trial = path_ + "/.scratch/node";
  const unsigned major = free_major();
  if (::mknod(trial.c_str(), S_IFCHR | 0600, makedev(major, 0)) == 0) major_ = major;
  ::unlink(trial.c_str());
  return {};
}

Status RngdTree::create_card(int card) {
  ONDOL_TRY_STATUS(create_pci(card));
  ONDOL_TRY_STATUS(create_management(card));
  ONDOL_TRY_STATUS(create_nodes(card));
  present_[static_cast<size_t>(card)] = true;
  return update(card, {});
}

Status RngdTree::create_pci(int card) {
  const std::string device = device_folder(card);
  const std::string port = device.substr(0, device.rfind('/'));
  const std::string sensors = fmt::format("{}/hwmon/hwmon{}", device, card);
  ONDOL_TRY_STATUS(folder(sensors));
  const auto write = [&](const std::string& where, Files files) -> Status {
    for (const auto& [name, content] : files) {
      ONDOL_TRY_STATUS(put(card, fmt::format("{}/{}", where, name), fmt::format("{}\n", content)));
    }
    return {};
  };
  for (const std::string& end : {port, device}) {
    ONDOL_TRY_STATUS(write(end, {{"numa_node", "0"},
                                 {"local_cpus", "3"},
                                 {"local_cpulist", "0-1"},
                                 {"current_link_speed", "32.0 GT/s PCIe"},
                                 {"current_link_width", "16"},
                                 {"max_link_speed", "32.0 GT/s PCIe"},
                                 {"max_link_width", "16"}}));
    const std::string name = end.substr(end.rfind('/') + 1);
    ONDOL_TRY_STATUS(link("../../../devices/" + end.substr((path_ + "/sys/devices/").size()), path_ + "/sys/bus/pci/devices/" + name));
  }
  const std::string bus = std::to_string(std::stoi(bdf(card).substr(5, 2), nullptr, 16));
  ONDOL_TRY_STATUS(write(port, {{"vendor", "0x8086"},
                                {"device", "0x352a"},
                                {"class", "0x060400"},
                                {"revision", "0x04"},
                                {"subsystem_vendor", "0x8086"},
                                {"subsystem_device", "0x0000"},
                                {"secondary_bus_number", bus},
                                {"subordinate_bus_number", bus}}));
  ONDOL_TRY_STATUS(write(device, {{"vendor", "0x1ed2"},
                                  {"device", "0x0001"},
                                  {"class", "0x120000"},
                                  {"revision", "0x01"},
                                  {"subsystem_vendor", "0x1ed2"},
                                  {"subsystem_device", "0x0001"},
                                  {"sriov_totalvfs", "8"},
                                  {"sriov_numvfs", "0"},
                                  {"enable", "1"}}));
  ONDOL_TRY_STATUS(link("../../../../bus/pci/drivers/furiosa_rngd", device + "/driver"));
  return write(sensors, {{"name", "rngd"}, {"power1_label", "RMS_TOTAL"}, {"temp1_label", "AMBIENT"}, {"temp2_label", "PEAK"}});
}

Status RngdTree::create_management(int card) {
  const std::string management = management_folder(card);
  ONDOL_TRY_STATUS(folder(management));
  const std::string number = std::to_string(major_ == 0 ? kFirstMajor : major_);
  const auto device_number = [&](int minor) { return number + ":" + std::to_string(card * 40 + minor); };
  const std::string address = bdf(card), own_uuid = uuid(card), own_serial = serial(card), dev = device_number(0);
  const Files files = {{"busname", address},
                       {"dev", dev},
                       {"device_sn", own_serial},
                       {"device_uuid", own_uuid},
                       {"fw_version", "2026.3.0, 5a2b9c1"},
                       {"version", "2026.3.0, 1b2c3d4"},
                       {"atr_error", "0"},
                       {"platform_type", "FuriosaAI"},
                       {"device_type", "RNGD"},
                       {"soc_id", "1"},
                       {"soc_rev", "1"},
                       {"soc_uid", "1"}};
  for (const auto& [name, content] : files) {
    ONDOL_TRY_STATUS(put(card, fmt::format("{}/{}", management, name), fmt::format("{}\n", content)));
  }
  const std::string links = path_ + "/sys/class/rngd_mgmt/";
  const auto link_class = [&](const std::string& target) {
    return link("../../devices/" + target.substr((path_ + "/sys/devices/").size()), links + target.substr(target.rfind('/') + 1));
  };
  for (int pe = 0; pe < kPes; ++pe) {
    ONDOL_TRY_STATUS(folder(pe_folder(card, pe)));
    ONDOL_TRY_STATUS(put(card, pe_folder(card, pe) + "/dev", device_number(pe + 1) + "\n"));
    ONDOL_TRY_STATUS(link_class(pe_folder(card, pe)));
  }
  ONDOL_TRY_STATUS(link_class(management));
  const std::string debug = fmt::format("{}/sys/kernel/debug/rngd/mgmt{}", path_, card);
  ONDOL_TRY_STATUS(folder(debug));
  return put(card, debug + "/power_limit_mw", "180000\n");
}

Status RngdTree::create_nodes(int card) {
  int minor = 0;
  for (const char* part : {"mgmt",  "pe0",   "pe1",   "pe2",  "pe3",  "pe4",  "pe5",  "pe6",  "pe7",  "pe0-1", "pe2-3", "pe4-5",
                           "pe6-7", "pe0-3", "pe4-7", "dmar", "bar0", "bar2", "bar4", "ch0",  "ch1",  "ch2",   "ch3",   "ch4",
                           "ch5",   "ch6",   "ch7",   "ch0r", "ch1r", "ch2r", "ch3r", "ch4r", "ch5r", "ch6r",  "ch7r"}) {
    const std::string node = fmt::format("{}/dev/rngd/npu{}{}", path_, card, part);
    const int error = major_ == 0 ? 0 : ::mknod(node.c_str(), S_IFCHR | 0660, makedev(major_, card * 40 + minor)) == 0 ? 0 : errno;
    if (error != 0 && error != EEXIST) return fail(Code::kUnavailable, "cannot make " + quoted(node, 200) + ": " + std::strerror(error));
    if (major_ == 0) ONDOL_TRY_STATUS(put(card, node, ""));
    ++minor;
  }
  return {};
}

}  // namespace ondol
