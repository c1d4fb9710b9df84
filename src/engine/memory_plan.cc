#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "engine/core.h"

namespace ondol {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kDefaultKvCap = 4096 * kMiB;
constexpr int kLeastContext = 256;  // tokens; under this no useful request fits

int usable_cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

// MemAvailable, and what the control group leaves if it has a limit.
uint64_t available_bytes() {
  uint64_t available = ~uint64_t{0};
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key; meminfo >> key;) {
    if (key == "MemAvailable:") {
      uint64_t kib = 0;
      meminfo >> kib;
      available = kib * 1024;
      break;
    }
    meminfo.ignore(256, '\n');
  }
  uint64_t limit = 0, used = 0;
  std::ifstream max_file("/sys/fs/cgroup/memory.max"), current_file("/sys/fs/cgroup/memory.current");
  if (max_file >> limit && current_file >> used) available = std::min(available, limit > used ? limit - used : 0);
  return available;
}

uint64_t buffer_bytes(const ModelSpec& spec, const EngineOptions& options) {
  const auto rows = static_cast<uint64_t>(options.step_tokens);
  const auto ffn = static_cast<uint64_t>(std::max(spec.ffn, spec.moe.top_k * (2 * spec.moe.expert_ffn + spec.hidden)));
  const uint64_t floats = 4 * static_cast<uint64_t>(spec.hidden) + 3 * static_cast<uint64_t>(spec.q_width() + spec.kv_width()) + 3 * ffn;
  return rows * floats * 4 + static_cast<uint64_t>(options.max_running + kScoredRows) * static_cast<uint64_t>(spec.vocab) * 4;
}

std::string mib(uint64_t bytes) { return std::to_string((bytes + kMiB - 1) / kMiB) + " MiB"; }

// The longest sequence that a budget holds, by bisection: the bytes grow with the tokens.
int64_t longest_sequence(const KvLayout& layout, uint64_t budget, int64_t chunk, int64_t most) {
  int64_t low = 0, high = most;
  while (low < high) {
    const int64_t middle = (low + high + 1) / 2;
    if (layout.sequence_bytes(middle, chunk) <= budget) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace

Result<MemoryPlan> plan_memory(const Model& model, EngineOptions& options) {
  const ModelSpec& spec = model.spec();
  if (options.threads <= 0) options.threads = usable_cpus();
  options.max_running = std::max(1, options.max_running);
  options.step_tokens = std::max({1, options.step_tokens, options.max_running});
  options.mixed_prefill = std::clamp(options.mixed_prefill, 1, options.step_tokens);
  options.max_waiting = std::max(0, options.max_waiting);
  if (options.max_context <= 0 || options.max_context > spec.max_context) options.max_context = spec.max_context;

  MemoryPlan plan;
  ONDOL_TRY(plan.weights, Weights::packed_bytes(model, best_isa()));
  plan.buffers = buffer_bytes(spec, options);
  plan.available = available_bytes();
  const KvLayout layout = kv_layout(spec, options.kv_type);
  const uint64_t fixed = plan.weights + plan.buffers;
  const uint64_t free = plan.available > fixed ? plan.available - fixed : 0;
  const uint64_t useful = layout.sequence_bytes(options.max_context, options.step_tokens) * static_cast<uint64_t>(options.max_running);
  const uint64_t least = layout.sequence_bytes(std::min(kLeastContext, options.max_context), options.step_tokens);
  plan.kv = options.kv_bytes > 0 ? options.kv_bytes : std::min({free / 4, kDefaultKvCap, useful});
  if (options.kv_bytes == 0) plan.kv = std::max(plan.kv, std::min(least, free));
  if (fixed + plan.kv > plan.available) {
    return fail(Code::kResourceExhausted,
                "the model does not fit: weights " + mib(plan.weights) + " + buffers " + mib(plan.buffers) + " + KV cache " + mib(plan.kv) +
                    " is more than the " + mib(plan.available) +
                    " of memory that is available; close other programs, lower --kv-bytes, or take a smaller model");
  }
  if (plan.kv < least) {
    return fail(Code::kResourceExhausted, "a KV cache of " + mib(plan.kv) + " does not hold one sequence of " +
                                              std::to_string(std::min(kLeastContext, options.max_context)) + " tokens; it takes " +
                                              mib(least) + " (--kv-bytes)");
  }
  options.kv_bytes = plan.kv;
  options.max_context = static_cast<int>(longest_sequence(layout, plan.kv, options.step_tokens, options.max_context));
  return plan;
}

}  // namespace ondol
