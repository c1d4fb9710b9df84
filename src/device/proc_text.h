// The texts of /proc that tell of a CPU: parsed from any bytes.
//
// Pure functions; any thread. Bounded: kMaxCpus CPUs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace ondol {

inline constexpr size_t kMaxCpus = 4096;

// Time that a CPU has spent, in ticks since the start of the system.
struct CpuTicks {
  uint64_t busy = 0, total = 0;
};

struct ProcStat {
  CpuTicks all;
  std::vector<std::pair<int, CpuTicks>> cpus;  // by number; those that are offline are missing
};

// Of /proc/stat (proc_stat(5)): idle and iowait are not busy, guest time is part of user time. Nothing if there is no line "cpu".
std::optional<ProcStat> parse_proc_stat(std::string_view text);
// The share of busy time since `before`, 0..1; nothing if no time has passed or the counters went back.
std::optional<double> busy_share(const CpuTicks& before, const CpuTicks& now);

// The value of the first line "key : value" (/proc/cpuinfo) or "key: value" (/proc/meminfo); empty if there is none.
std::string_view proc_value(std::string_view text, std::string_view key);
// A value of /proc/meminfo in bytes ("32768 kB").
std::optional<uint64_t> meminfo_bytes(std::string_view text, std::string_view key);

}  // namespace ondol
