// What the cost model knows of a device: published peaks, named efficiencies that were fitted to measurements, power.
//
// Owner: value type. Any thread. Bounded: files of at most kMaxProfileBytes. Every constant's source stands beside it in profiles.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

// How a device's engine runs a batch.
enum class Execution {
  kMixed,    // prompts and streams in one pass (GPUs, CPUs)
  kBuckets,  // compiled for fixed sizes, one prompt at a time by itself (RNGD with furiosa-llm)
};

// One compiled decode size, and the longest context it was compiled for.
struct DecodeBucket {
  int batch = 0;
  int64_t widest_context = 0;
};

// Of one unit (card) unless said otherwise; seconds, bytes, watts. Efficiencies are shares of the peak, 0 < e <= 1.5.
struct DeviceProfile {
  std::string name;  // "rngd", "h100", "b200", "l40s", "rtx-pro-6000", "rtx-4090", "cpu"
  std::string source;
  Execution execution = Execution::kMixed;

  // Published peaks.
  double memory_bytes = 0, memory_bytes_per_s = 0;
  double bf16_flops = 0, fp8_flops = 0;
  double parts = 1;                // PEs of a card
  double usable_memory = 1;        // share that an engine takes for weights and cache
  double reserved_bytes = 0;       // program, I/O buffers, activations
  double link_bytes_per_s = 64e9;  // between units, each direction
  // Efficiencies.
  double weight_efficiency = 0.8;     // streaming weights
  double fp8_efficiency = 1;          // on top, for weights of less than 16 bits
  double expert_efficiency = 1;       // on top, for routed experts (imbalance, scattered rows)
  double compute_efficiency = 0.6;    // matrix products of many tokens
  double kv_efficiency = 0.7;         // reading the cache for decoding
  double attention_efficiency = 0.4;  // matrix products of a prompt's attention
  // Fixed times.
  double step_overhead_s = 0;      // host: scheduling, launch, sampling
  double sequence_overhead_s = 0;  // host, for each sequence of the step
  double kernel_overhead_s = 0;    // each layer, between kernels; not in a fused graph
  double expert_overhead_s = 0;    // each layer of experts: routing, gathering
  double pass_overhead_s = 0;      // each layer, below the products of many tokens (RNGD's prompt path)
  double attention_launch_s = 0;   // each layer, each group of sequences
  double attention_groups = 0;     // groups beyond the first that mixed contexts fall into
  double fused_share = 0;          // of steps of 2 that run as one fused graph; of n: to the power n - 1. Of 1: all
  // Collectives: two all-reduces a layer.
  double part_reduce_2_s = 0, part_reduce_4_s = 0, part_reduce_8_s = 0;  // inside a card
  double part_reduce_exposed = 1;                                        // share that is not hidden behind weight streaming
  double unit_reduce_s = 0;                                              // between units: latency
  // Power while a step runs: serving + memory x (share of peak bandwidth) + compute x (share of peak operations), at most cap.
  double idle_w = 0, serving_w = 0, memory_w = 0, compute_w = 0, cap_w = 0;
  // Limits of a step.
  double max_batch = 256, max_prefill_tokens = 8192;
  // kBuckets: ascending; tokens of a pass (prompts in steps of the first), and decode batches.
  std::vector<int64_t> token_buckets;
  std::vector<DecodeBucket> decode_buckets;
  double context_step = 0;      // compiled attention widths: multiples of this; 0 = powers of two
  double smallest_context = 0;  // the narrowest compiled attention
};

// Every number above by its name, for files and for fitting.
struct ProfileField {
  std::string_view name;
  double DeviceProfile::* value;
  double min, max;  // what a file may say
};
std::span<const ProfileField> profile_fields();
// nullptr if there is none.
const ProfileField* profile_field(std::string_view name);

// kNotFound lists the names.
Result<DeviceProfile> builtin_device(std::string_view name);
std::vector<std::string> builtin_device_names();

inline constexpr size_t kMaxProfileBytes = size_t{1} << 16;

// A profile file that `ondol cost calibrate` wrote (JSON): {"base": a built-in name, and any field that differs}. Unknown keys are errors.
Result<DeviceProfile> parse_device_profile(std::string_view json);
std::string device_profile_json(const DeviceProfile& profile);

}  // namespace ondol
