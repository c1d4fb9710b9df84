// How long one step takes on a device and what power it draws: (device, parallelism, model, batch composition) -> seconds, watts.
//
// Owner: value type, immutable once made; any thread. Pure: no clock, no state. A call to `step` takes well under a microsecond: `make`
// works out everything that does not depend on the batch. Formulas and the source of every constant: profiles.cc and docs/cost.md.
// Bounded: no allocation after `make`.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cost/device_profile.h"
#include "cost/model_shape.h"

namespace ondol {

// How a model lies on a floor: `units` devices (cards); on an RNGD `pes` of each card's 8 may be less.
struct Placement {
  int units = 1;
  int pes = 8;              // RNGD only: 1, 2, 4 or 8 of a card's PEs
  int tensor_parallel = 0;  // in units; 0 = all of them
  int pipeline_parallel = 1;
};

// A prompt part that is computed in this step.
struct PrefillPart {
  int64_t tokens = 0;   // new ones
  int64_t context = 0;  // tokens that are in the cache already
};

// What one step computes.
struct StepBatch {
  int decodes = 0;              // sequences that get one token each
  int64_t decode_context = 0;   // the sum of their contexts, in tokens
  int64_t longest_context = 0;  // of one of them; an RNGD's attention bucket
  std::span<const PrefillPart> prefills;
};

enum class CostTerm { kWeights, kCompute, kAttention, kKvRead, kCollective, kOverhead, kHead, kCount };
std::string_view cost_term_name(CostTerm term);

struct StepCost {
  double seconds = 0;
  double power_w = 0;  // of all units together, while the step runs
  CostTerm bound = CostTerm::kOverhead;
  std::array<double, static_cast<size_t>(CostTerm::kCount)> term_s{};  // what each contributes; sums to `seconds`
  double energy_j() const { return seconds * power_w; }
};

class CostModel {
 public:
  // kInvalidArgument if the model does not fit or the parallelism is impossible; says by how much and what would fit.
  static Result<CostModel> make(const DeviceProfile& device, const ModelShape& model, const Placement& placement);

  StepCost step(const StepBatch& batch) const;
  // All sequences with the same context.
  StepCost decode(int sequences, int64_t context) const;
  StepCost prefill(int64_t tokens, int64_t context = 0) const;

  double idle_power_w() const;         // of all units, the model resident
  int64_t kv_capacity_tokens() const;  // over all sequences
  int max_batch() const;               // decode sequences of one step, by buckets or by default
  int64_t max_prefill_tokens() const;  // of one step
  bool prefill_alone() const;          // an RNGD prefills one prompt at a time

  const DeviceProfile& device() const { return device_; }
  const ModelShape& model() const { return model_; }
  const Placement& placement() const { return placement_; }

 private:
  CostModel() = default;
  // What a pass does besides taking time, for power. Of one unit.
  struct Work {
    double bytes = 0, flops = 0;
  };
  void prepare();
  double experts_touched(double tokens) const;
  void add_linear(int64_t padded, int64_t tokens, double unfused, StepCost& cost, Work& work) const;
  void add_head(int64_t rows, StepCost& cost, Work& work) const;
  void add_collectives(int64_t tokens, StepCost& cost) const;
  void add_decode_attention(int64_t sequences, double mean, double longest, StepCost& cost, Work& work) const;
  void add_prefill_attention(int64_t tokens, int64_t context, StepCost& cost, Work& work) const;
  void add_mixed(const StepBatch& batch, int64_t decodes, StepCost& cost, Work& work) const;
  void add_bucket_decodes(const StepBatch& batch, int64_t decodes, StepCost& cost, Work& work) const;
  void add_bucket_prefill(const PrefillPart& part, StepCost& cost, Work& work) const;
  int64_t token_bucket(int64_t tokens) const;
  double power_w(const Work& work, double seconds) const;

  DeviceProfile device_;
  ModelShape model_;
  Placement placement_;
  // Of one unit's share (tensor parallel; PEs that are used), over all layers.
  double share_ = 1;                             // 1 / tensor parallel
  double bandwidth_ = 0, flops_ = 0, bf16_ = 0;  // peaks
  double dense_bytes_ = 0, dense_flops_ = 0;     // flops: one token
  double expert_bytes_ = 0;                      // one routed expert in every layer that has them
  double head_bytes_ = 0, head_flops_ = 0;
  double reduce_s_ = 0;                                    // exposed all-reduces inside a card
  double kv_token_bytes_ = 0;                              // of one layer
  double dense_rate_ = 0, expert_rate_ = 0, kv_rate_ = 0;  // bytes/s that are reached
  int64_t kv_capacity_ = 0;
  std::array<double, 64> unfused_{};  // share of steps of n that run kernel by kernel; later entries are 1
};

}  // namespace ondol
