// Any bytes as /proc/stat, /proc/cpuinfo and /proc/meminfo: nothing, or figures that make sense.
#include <cstddef>
#include <cstdint>

#include "device/proc_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto stat = ondol::parse_proc_stat(text);
  if (stat) {
    if (stat->all.busy > stat->all.total) __builtin_trap();
    const auto share = ondol::busy_share({}, stat->all);
    if (share && !(*share >= 0 && *share <= 1)) __builtin_trap();
  }
  if (ondol::proc_value(text, "model name").size() > size) __builtin_trap();
  (void)ondol::meminfo_bytes(text, "MemTotal");
  return 0;
}
