// How much memory a model takes to serve, and which context fits into what is free.
//
// Pure functions and readers of /proc; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/engine.h"
#include "model/model.h"

namespace ondol {

struct MachineMemory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  // without swapping, and not above the cgroup's limit
};

// From the text of /proc/meminfo; `limit_bytes` and `used_bytes` are the cgroup's (0 = no limit).
Result<MachineMemory> parse_meminfo(std::string_view meminfo, uint64_t limit_bytes, uint64_t used_bytes);
Result<MachineMemory> machine_memory();

struct MemoryNeed {
  uint64_t weight_bytes = 0;     // packed once more in memory
  uint64_t kv_token_bytes = 0;   // keys and values of one token, in all layers that keep everything
  uint64_t kv_window_bytes = 0;  // of one sequence in all sliding-window layers
  int max_context = 0;           // of the model

  uint64_t kv_bytes(int tokens) const { return kv_window_bytes + kv_token_bytes * static_cast<uint64_t>(tokens); }
  uint64_t total_bytes(int tokens) const { return weight_bytes + kv_bytes(tokens); }
  // Tokens of context that fit beside the weights in `available_bytes`; 0 = not even the weights fit.
  int fitting_context(uint64_t available_bytes) const;
};

MemoryNeed memory_need(const ModelSpec& spec, uint64_t weight_bytes, KvType type);

}  // namespace ondol
