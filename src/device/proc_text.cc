#include "device/proc_text.h"

#include <algorithm>
#include <array>

#include "device/sys_tree.h"

namespace ondol {
namespace {

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

// user nice system idle iowait irq softirq steal; the last four came with later kernels.
std::optional<CpuTicks> parse_ticks(std::string_view fields) {
  constexpr size_t kIdle = 3, kIoWait = 4;
  std::array<uint64_t, 8> values{};
  size_t count = 0;
  for (; count < values.size(); ++count) {
    const auto value = SysTree::to_integer(take_word(fields));
    if (!value) break;
    if (*value < 0 || *value > int64_t{1} << 58) return std::nullopt;
    values[count] = static_cast<uint64_t>(*value);
  }
  if (count <= kIdle) return std::nullopt;
  CpuTicks ticks;
  for (size_t i = 0; i < count; ++i) {
    ticks.total += values[i];
    if (i != kIdle && i != kIoWait) ticks.busy += values[i];
  }
  return ticks;
}

}  // namespace

std::optional<ProcStat> parse_proc_stat(std::string_view text) {
  ProcStat stat;
  bool found = false;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const std::string_view name = take_word(line);
    if (!name.starts_with("cpu")) break;  // the CPUs come first
    const auto ticks = parse_ticks(line);
    if (!ticks) return std::nullopt;
    if (name == "cpu") {
      stat.all = *ticks;
      found = true;
      continue;
    }
    const auto number = SysTree::to_integer(name.substr(3));
    if (!number || *number < 0 || *number >= static_cast<int64_t>(kMaxCpus) || stat.cpus.size() >= kMaxCpus) return std::nullopt;
    stat.cpus.emplace_back(static_cast<int>(*number), *ticks);
  }
  return found ? std::optional<ProcStat>(std::move(stat)) : std::nullopt;
}

std::optional<double> busy_share(const CpuTicks& before, const CpuTicks& now) {
  if (now.total <= before.total || now.busy < before.busy) return std::nullopt;
  return std::min(1.0, static_cast<double>(now.busy - before.busy) / static_cast<double>(now.total - before.total));
}

std::string_view proc_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && SysTree::trim(line.substr(0, colon)) == key) return SysTree::trim(line.substr(colon + 1));
  }
  return {};
}

std::optional<uint64_t> meminfo_bytes(std::string_view text, std::string_view key) {
  std::string_view value = proc_value(text, key);
  if (!value.ends_with("kB")) return std::nullopt;
  value.remove_suffix(2);
  const auto kib = SysTree::to_integer(value);
  if (!kib || *kib < 0 || *kib > int64_t{1} << 50) return std::nullopt;
  return static_cast<uint64_t>(*kib) * 1024;
}

}  // namespace ondol
