// The built-in devices. Peaks are the vendors' datasheets (RNGD: FuriosaAI's documentation; GPUs: NVIDIA's, dense rates); what is marked
// "fitted" on a GPU comes from `ondol cost calibrate --published` on the fitted rows of published*.cc. The RNGD's times are worked out from
// kernel times that were measured on one; only what is marked was fitted to served loads.
#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include "cost/device_profile.h"

namespace ondol {
namespace {

constexpr double kGb = 1e9;
constexpr double kGib = 1024.0 * 1024 * 1024;
constexpr double kUs = 1e-6;

DeviceProfile rngd() {
  DeviceProfile d;
  d.name = "rngd";
  d.source = "FuriosaAI documentation; fitted to the HeteroPilot study's Llama-3.1-8B on one card (furiosa-llm 2026.2)";
  d.execution = Execution::kBuckets;
  d.memory_bytes = 47.5 * kGib;  // as furiosa-smi shows it
  d.memory_bytes_per_s = 1.5e12;
  d.bf16_flops = 256e12;
  d.fp8_flops = 512e12;
  d.parts = 8;
  d.reserved_bytes = 2.28 * kGib;   // measured: 0.28 binary, 2.0 I/O
  d.link_bytes_per_s = 64e9;        // PCIe peer to peer, ISCA'24
  d.weight_efficiency = 0.82;       // furiosa-opt traces: 80 to 84 %
  d.compute_efficiency = 0.695;     // fitted: 2.45 us for each further token of a layer
  d.kv_efficiency = 0.80;           // fitted
  d.attention_efficiency = 0.57;    // measured: 96 us for a layer's attention of 1024 tokens
  d.step_overhead_s = 600 * kUs;    // fitted
  d.kernel_overhead_s = 85 * kUs;   // measured: 471 to 482 us a layer beside 389 in the fused graph
  d.pass_overhead_s = 177 * kUs;    // measured: what 512 and 1024 tokens leave for none
  d.attention_launch_s = 38 * kUs;  // measured: 37 to 45 us, flat in the cache
  d.attention_groups = 2.1;         // measured: 1.95 to 3.08 kernels for 2 to 32 sequences
  d.fused_share = 0.475;            // measured: 47.5 % at 2, 12 % at 4, 1.8 % at 8
  d.part_reduce_2_s = 5.65 * kUs;   // measured, 8 KB
  d.part_reduce_4_s = 23.99 * kUs;
  d.part_reduce_8_s = 115 * kUs;
  d.part_reduce_exposed = 0.15;  // what the measured 388.9 us of a layer leave beside its weights
  d.unit_reduce_s = 10 * kUs;    // unpublished; a guess
  d.idle_w = 40.0;               // measured, model resident
  d.serving_w = 82;              // fitted: 140 to 152 W whatever the load
  d.memory_w = 104;
  d.compute_w = 264;
  d.cap_w = 157;  // the most that serving was seen to draw
  d.max_batch = 256;
  d.max_prefill_tokens = 1024;
  d.token_buckets = {128, 256, 384, 512, 640, 768, 896, 1024};
  d.decode_buckets = {{1, 131072}, {2, 131072}, {4, 65536}, {8, 32768}, {16, 16384}, {32, 8192}, {64, 4096}, {128, 4096}, {256, 2048}};
  d.smallest_context = 1024;
  return d;
}

DeviceProfile h100() {
  DeviceProfile d;
  d.name = "h100";
  d.source = "NVIDIA H100 SXM5 datasheet; fitted to ML.ENERGY (lm-arena-chat, vLLM)";
  d.memory_bytes = 80 * kGb;
  d.memory_bytes_per_s = 3.35e12;
  d.bf16_flops = 989e12;
  d.fp8_flops = 1979e12;
  d.usable_memory = 0.92;
  d.reserved_bytes = 2 * kGb;
  d.link_bytes_per_s = 450e9;  // NVLink 4, each direction
  // Fitted, all of the following but the idle power.
  d.weight_efficiency = 0.863;
  d.fp8_efficiency = 0.691;
  d.expert_efficiency = 0.98;
  d.compute_efficiency = 0.754;
  d.kv_efficiency = 0.563;
  d.step_overhead_s = 2136 * kUs;
  d.sequence_overhead_s = 55.0 * kUs;
  d.kernel_overhead_s = 0;
  d.expert_overhead_s = 103.4 * kUs;
  d.unit_reduce_s = 27.9 * kUs;
  d.idle_w = 75;
  d.serving_w = 389;
  d.memory_w = 67.8;
  d.compute_w = 1169;
  d.cap_w = 700;
  d.max_batch = 1024;
  d.max_prefill_tokens = 8192;
  return d;
}

DeviceProfile b200() {
  DeviceProfile d = h100();
  d.name = "b200";
  d.source = "NVIDIA B200 datasheet; fitted to ML.ENERGY (lm-arena-chat, vLLM)";
  d.memory_bytes = 180 * kGb;
  d.memory_bytes_per_s = 8e12;
  d.bf16_flops = 2250e12;
  d.fp8_flops = 4500e12;
  d.link_bytes_per_s = 900e9;  // NVLink 5
  // Fitted, all of the following but the idle power; where the rows want more than the peak the search stops at 98 %.
  d.weight_efficiency = 0.98;
  d.fp8_efficiency = 0.573;
  d.expert_efficiency = 0.903;
  d.compute_efficiency = 0.98;
  d.kv_efficiency = 0.965;
  d.step_overhead_s = 301 * kUs;
  d.sequence_overhead_s = 63.1 * kUs;
  d.kernel_overhead_s = 90.7 * kUs;
  d.expert_overhead_s = 54.0 * kUs;
  d.unit_reduce_s = 10.4 * kUs;
  d.idle_w = 140;
  d.serving_w = 512;
  d.memory_w = 581;
  d.compute_w = 1221;
  d.cap_w = 1000;
  return d;
}

// GPUs that nothing was fitted to: the H100's efficiencies and times, its power regime scaled by the board's limit.
DeviceProfile like_h100(std::string_view name, double memory_gb, double bandwidth, double bf16, double fp8, double watts, double idle) {
  DeviceProfile d = h100();
  const double scale = watts / d.cap_w;
  d.name = name;
  d.source = "NVIDIA datasheet; efficiencies of the H100's profile, unfitted";
  d.memory_bytes = memory_gb * kGb;
  d.memory_bytes_per_s = bandwidth;
  d.bf16_flops = bf16;
  d.fp8_flops = fp8;
  d.link_bytes_per_s = 32e9;  // PCIe 4 x16; cards without NVLink
  d.unit_reduce_s = 30 * kUs;
  d.idle_w = idle;
  d.serving_w *= scale;
  d.memory_w *= scale;
  d.compute_w *= scale;
  d.cap_w = watts;
  d.max_batch = 256;
  d.max_prefill_tokens = 2048;
  return d;
}

DeviceProfile rtx_pro_6000() {
  DeviceProfile d = like_h100("rtx-pro-6000", 96, 1.792e12, 504e12, 1008e12, 600, 30);
  d.source = "NVIDIA RTX PRO 6000 Blackwell datasheet; fitted to a vLLM 0.19 log of Llama-3.1-8B; power scaled from the H100's profile";
  // Fitted to the log's fitted rows and to how long its requests took when they are replayed through the batcher (twin/replay_vllm_test).
  d.weight_efficiency = 0.758;
  d.compute_efficiency = 0.602;
  d.kv_efficiency = 0.788;
  d.attention_efficiency = 0.277;
  d.step_overhead_s = 2306 * kUs;
  d.sequence_overhead_s = 12.9 * kUs;
  d.kernel_overhead_s = 53.6 * kUs;
  return d;
}

// A guess from the number of hardware threads: a server core's AVX2 rate and its usual share of memory bandwidth. Calibrate it.
DeviceProfile cpu() {
  const double threads = std::max(1U, std::thread::hardware_concurrency());
  DeviceProfile d;
  d.name = "cpu";
  d.source = "guessed from the number of hardware threads; measure with `ondol bench engine` and calibrate";
  d.memory_bytes = 16 * kGb;
  d.memory_bytes_per_s = std::min(10e9 * threads, 300e9);
  d.bf16_flops = 40e9 * threads;
  d.fp8_flops = 80e9 * threads;
  d.usable_memory = 0.8;
  d.compute_efficiency = 0.7;
  d.step_overhead_s = 200 * kUs;
  d.kernel_overhead_s = 20 * kUs;
  d.idle_w = 5 * threads;
  d.serving_w = 8 * threads;
  d.memory_w = 2 * threads;
  d.compute_w = 4 * threads;
  d.cap_w = 12 * threads;
  d.max_batch = 32;
  d.max_prefill_tokens = 512;
  return d;
}

}  // namespace

Result<DeviceProfile> builtin_device(std::string_view name) {
  if (name == "rngd") return rngd();
  if (name == "h100") return h100();
  if (name == "b200") return b200();
  if (name == "l40s") return like_h100("l40s", 48, 0.864e12, 362e12, 733e12, 350, 35);
  if (name == "rtx-pro-6000") return rtx_pro_6000();
  if (name == "rtx-4090") return like_h100("rtx-4090", 24, 1.008e12, 165e12, 330e12, 450, 20);
  if (name == "cpu") return cpu();
  std::string list;
  for (const std::string& known : builtin_device_names()) list += (list.empty() ? "" : ", ") + known;
  return fail(Code::kNotFound, "no built-in profile of " + quoted(name) + "; there are: " + list + ". Another device needs a profile file");
}

std::vector<std::string> builtin_device_names() { return {"rngd", "h100", "b200", "l40s", "rtx-pro-6000", "rtx-4090", "cpu"}; }

}  // namespace ondol
