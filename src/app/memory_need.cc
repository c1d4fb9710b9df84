#include "app/memory_need.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include "kernel/attention.h"

namespace ondol {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number behind `key` in /proc/meminfo, in bytes ("MemTotal:   24576 kB"); 0 if absent.
uint64_t meminfo_bytes(std::string_view text, std::string_view key) {
  size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  at = text.find_first_not_of(" \t", at + key.size());
  uint64_t kib = 0;
  if (at == std::string_view::npos) return 0;
  std::from_chars(text.data() + at, text.data() + text.size(), kib);
  return std::min(kib, UINT64_MAX / 1024) * 1024;
}

// A cgroup v2 number; 0 for "max" and where there is none.
uint64_t cgroup_bytes(const std::string& file) {
  const std::string text = read_text("/sys/fs/cgroup/" + file);
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<MachineMemory> parse_meminfo(std::string_view meminfo, uint64_t limit_bytes, uint64_t used_bytes) {
  MachineMemory memory;
  memory.total_bytes = meminfo_bytes(meminfo, "MemTotal:");
  memory.available_bytes = meminfo_bytes(meminfo, "MemAvailable:");
  if (memory.total_bytes == 0) return fail(Code::kUnavailable, "/proc/meminfo does not say how much memory there is; is /proc mounted?");
  if (limit_bytes > 0) {
    memory.total_bytes = std::min(memory.total_bytes, limit_bytes);
    memory.available_bytes = std::min(memory.available_bytes, limit_bytes - std::min(limit_bytes, used_bytes));
  }
  return memory;
}

Result<MachineMemory> machine_memory() {
  return parse_meminfo(read_text("/proc/meminfo"), cgroup_bytes("memory.max"), cgroup_bytes("memory.current"));
}

int MemoryNeed::fitting_context(uint64_t available_bytes) const {
  const uint64_t fixed = weight_bytes + kv_window_bytes;
  if (fixed >= available_bytes) return 0;
  if (kv_token_bytes == 0) return max_context;
  return static_cast<int>(std::min<uint64_t>((available_bytes - fixed) / kv_token_bytes, static_cast<uint64_t>(max_context)));
}

MemoryNeed memory_need(const ModelSpec& spec, uint64_t weight_bytes, KvType type) {
  MemoryNeed need;
  need.weight_bytes = weight_bytes;
  need.max_context = spec.max_context;
  const uint64_t block_bytes = kv_head_bytes(type, spec.head_dim) * static_cast<uint64_t>(spec.kv_heads);
  for (const LayerSpec& layer : spec.layers) {
    if (layer.window > 0) {
      // The window, plus the block that it enters and the one that it leaves.
      need.kv_window_bytes += block_bytes * (static_cast<uint64_t>(layer.window) / kKvBlock + 2);
    } else {
      need.kv_token_bytes += block_bytes / kKvBlock;
    }
  }
  return need;
}

}  // namespace ondol
