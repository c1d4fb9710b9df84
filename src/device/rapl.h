// Energy of the CPU packages by RAPL, from the kernel's powercap tree: counters that wrap, added up to one that does not.
//
// Owner: the CPU reader; one thread at a time. Bounded: kMaxPackages. A counter goes round once in about 20 minutes at 200 W, so it has to
// be read more often than that: a second round in between cannot be seen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "device/sys_tree.h"

namespace ondol {

struct RaplReading {
  std::optional<double> energy_j;       // of all packages, since some start; never goes back
  std::optional<double> power_limit_w;  // the long-term limits of all packages
};

class Rapl {
 public:
  static constexpr size_t kMaxPackages = 64;

  RaplReading read(const SysTree& tree);
  // "RAPL energy of 2 packages", or why there is none.
  const std::string& source() const { return source_; }

 private:
  // Adds what the counter has moved by. False if it cannot be read.
  bool count(const SysTree& tree, const std::string& zone);

  std::map<std::string, int64_t> last_uj_;  // by zone
  double total_j_ = 0;
  std::string source_;
};

}  // namespace ondol
