// What this machine can run, as findings with a way to fix each.
//
// Pure functions over texts of /proc and /sys, so that tests need no machine of a kind; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/memory_need.h"
#include "base/error.h"
#include "kernel/isa.h"

namespace ondol {

enum class Health { kOk, kWarning, kBad };
std::string_view health_name(Health health);  // "ok", "warning", "bad"

struct Finding {
  std::string check;  // "cpu", "memory", ...
  Health health = Health::kOk;
  std::string what;
  std::string fix;  // empty when there is nothing to do
};

Finding check_cpu(std::string_view cpuinfo, Isa isa);
// `cpu_max`: cgroup v2's "max 100000" or "150000 100000" (microseconds of CPU per period); empty = no limit.
Finding check_cores(int usable_cpus, std::string_view cpu_max);
// `enabled`: /sys/kernel/mm/transparent_hugepage/enabled, "always [madvise] never".
Finding check_huge_pages(std::string_view enabled);
Finding check_memory(const MachineMemory& memory);
// `current`: /sys/devices/system/clocksource/clocksource0/current_clocksource.
Finding check_clock(std::string_view current);
Finding check_port(const std::string& host, int port);
Finding check_disk(const std::string& folder);
Finding check_fit(const std::string& name, const MemoryNeed& need, const MachineMemory& memory);

// All of them on this machine; `model` is a path or a name, empty = the model that `ondol up` would take. Errors: the model cannot be read.
Result<std::vector<Finding>> examine(const std::string& model, const std::string& host, int port);

}  // namespace ondol
