#include "device/rapl.h"

#include <algorithm>

namespace ondol {
namespace {

constexpr std::string_view kZones = "/sys/class/powercap/";

// Whole packages: "intel-rapl:0" with the name "package-0" (AMD's too). Not "intel-rapl:0:1" (a part of one), nor the platform ("psys").
bool is_package(const SysTree& tree, const std::string& zone) {
  return zone.starts_with("intel-rapl:") && std::count(zone.begin(), zone.end(), ':') == 1 &&
         tree.text_or_empty(std::string(kZones) + zone + "/name").starts_with("package");
}

}  // namespace

bool Rapl::count(const SysTree& tree, const std::string& zone) {
  const std::string folder = std::string(kZones) + zone;
  const auto now_uj = tree.integer(folder + "/energy_uj");
  if (!now_uj || *now_uj < 0) return false;
  const auto [place, is_new] = last_uj_.try_emplace(zone, 0);
  int64_t moved_uj = *now_uj - place->second;
  if (moved_uj < 0) {
    // It went round: what was left of the range, and what came since. Without a range that fits it began anew.
    const int64_t range_uj = tree.integer(folder + "/max_energy_range_uj").value_or(0);
    moved_uj = range_uj >= place->second ? range_uj - place->second + *now_uj : *now_uj;
  }
  place->second = *now_uj;
  total_j_ += static_cast<double>(moved_uj) * 1e-6;
  return true;
}

RaplReading Rapl::read(const SysTree& tree) {
  size_t packages = 0, read = 0;
  double limit_w = 0;
  bool limited = true;
  std::string why;
  for (const std::string& zone : tree.names(kZones)) {
    if (packages >= kMaxPackages || !is_package(tree, zone)) continue;
    ++packages;
    const std::string folder = std::string(kZones) + zone;
    if (count(tree, zone)) {
      ++read;
    } else {
      const auto text = tree.text(folder + "/energy_uj");
      why = text ? folder + "/energy_uj holds no energy" : text.error().code == Code::kPermissionDenied ? "" : text.error().message;
    }
    const auto limit_uw = tree.number(folder + "/constraint_0_power_limit_uw");  // the long-term one (powercap documentation)
    limited = limited && limit_uw && *limit_uw > 0;
    limit_w += limit_uw.value_or(0) * 1e-6;
  }
  RaplReading reading;
  if (packages > 0 && limited) reading.power_limit_w = limit_w;
  if (packages == 0) {
    source_ = "no RAPL here: the CPU's energy is unknown";
  } else if (read < packages) {
    source_ = why.empty() ? "RAPL energy can be read by root only: the CPU's energy is unknown" : "RAPL: " + why;
  } else {
    source_ = "RAPL energy of " + std::to_string(packages) + (packages == 1 ? " package" : " packages");
    reading.energy_j = total_j_;
  }
  return reading;
}

}  // namespace ondol
