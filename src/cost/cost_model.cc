#include "cost/cost_model.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace ondol {
namespace {

std::string gigabytes(double bytes) {
  std::string text = std::to_string(std::round(bytes / 1e8) / 10);
  return text.substr(0, text.find('.') + 2) + " GB";
}

Status check_placement(const DeviceProfile& device, const ModelShape& model, const Placement& place) {
  const auto wrong = [](std::string message) { return fail(Code::kInvalidArgument, std::move(message)); };
  if (place.units < 1 || place.units > 1024) return wrong(std::to_string(place.units) + " devices: 1 to 1024 are possible");
  if (place.pipeline_parallel < 1 || place.tensor_parallel < 1 || place.units % place.pipeline_parallel != 0 ||
      place.units / place.pipeline_parallel != place.tensor_parallel) {
    return wrong("tensor parallel " + std::to_string(place.tensor_parallel) + " times pipeline parallel " +
                 std::to_string(place.pipeline_parallel) + " must be the number of devices, " + std::to_string(place.units));
  }
  if (place.pipeline_parallel > model.layers) {
    return wrong(std::to_string(place.pipeline_parallel) + " pipeline stages, and the model has " + std::to_string(model.layers) +
                 " layers");
  }
  if (model.heads % place.tensor_parallel != 0) {
    return wrong(std::to_string(model.heads) + " attention heads cannot be shared evenly by tensor parallel " +
                 std::to_string(place.tensor_parallel) + "; choose a divisor");
  }
  if (device.parts > 1) {
    if (place.pes != 1 && place.pes != 2 && place.pes != 4 && place.pes != 8) {
      return wrong(std::to_string(place.pes) + " PEs of a card: 1, 2, 4 or 8 can be fused or joined");
    }
    if (place.pes < 8 && place.units > 1) return wrong("a model on several cards takes all 8 PEs of each");
  }
  return {};
}

double part_reduce_s(const DeviceProfile& device, int pes) {
  if (device.parts <= 1 || pes <= 1) return 0;
  if (pes == 2) return device.part_reduce_2_s;
  return pes == 4 ? device.part_reduce_4_s : device.part_reduce_8_s;
}

// The smallest number of whole devices that the weights fit, for the message.
int units_that_fit(double weights, double room) {
  if (room <= 0) return 0;
  int units = 1;
  while (units < 1024 && weights / units > room) units *= 2;
  return units;
}

}  // namespace

std::string_view cost_term_name(CostTerm term) {
  switch (term) {
    case CostTerm::kWeights: return "weights";
    case CostTerm::kCompute: return "compute";
    case CostTerm::kAttention: return "attention";
    case CostTerm::kKvRead: return "kv_read";
    case CostTerm::kCollective: return "collective";
    case CostTerm::kOverhead: return "overhead";
    case CostTerm::kHead: return "head";
    case CostTerm::kCount: break;
  }
  return "none";
}

Result<CostModel> CostModel::make(const DeviceProfile& device, const ModelShape& model, const Placement& placement) {
  ONDOL_TRY_STATUS(check_shape(model));
  CostModel made;
  made.device_ = device;
  made.model_ = model;
  made.placement_ = placement;
  Placement& place = made.placement_;
  if (place.tensor_parallel == 0 && place.pipeline_parallel > 0) place.tensor_parallel = place.units / place.pipeline_parallel;
  ONDOL_TRY_STATUS(check_placement(device, model, place));
  const double parts = device.parts > 1 ? place.pes / device.parts : 1;
  const double room = device.memory_bytes * parts * device.usable_memory - device.reserved_bytes;
  const double weights = model.total_bytes() / place.units;
  // Sequences beyond the window need no more of a windowed layer; the capacity is that of sequences of 4096 tokens, or the window.
  const double typical = std::max(4096.0, static_cast<double>(model.window));
  const double layers = model.full_layers() + model.windowed_layers * std::min(1.0, static_cast<double>(model.window) / typical);
  const double token = layers * model.kv_layer_bytes() / place.units;
  const double tokens = (room - weights) / token;
  if (tokens < 128) {
    const int units = units_that_fit(model.total_bytes(), device.memory_bytes * device.usable_memory - device.reserved_bytes - 128 * token);
    return fail(Code::kInvalidArgument, quoted(model.name) + " needs " + gigabytes(weights) + " of weights and some cache on each of " +
                                            std::to_string(place.units) + " " + device.name + (parts < 1 ? " (part of it)" : "") +
                                            ", which has room for " + gigabytes(std::max(0.0, room)) +
                                            (units > 0 ? "; " + std::to_string(units) + " whole ones would do" : ""));
  }
  made.kv_capacity_ = static_cast<int64_t>(std::min(tokens, 1e15));
  made.prepare();
  return made;
}

void CostModel::prepare() {
  const double parts = device_.parts > 1 ? placement_.pes / device_.parts : 1;
  share_ = 1.0 / placement_.tensor_parallel;
  bandwidth_ = device_.memory_bytes_per_s * parts;
  bf16_ = device_.bf16_flops * parts;
  flops_ = (model_.activation_bits <= 8 ? device_.fp8_flops : device_.bf16_flops) * parts;
  const double experts = model_.moe_layers() * model_.expert_weights();
  const double dense = model_.layer_weights() - experts * static_cast<double>(model_.experts);
  dense_bytes_ = dense * model_.weight_bytes * share_;
  expert_bytes_ = experts * model_.weight_bytes * share_;
  dense_flops_ = 2 * model_.active_weights() * share_;
  head_bytes_ = model_.head_weights() * 2 * share_;
  head_flops_ = 2 * model_.head_weights() * share_;
  // Fewer key-value heads than units: each is held more than once.
  kv_token_bytes_ = model_.kv_layer_bytes() / static_cast<double>(std::min<int64_t>(placement_.tensor_parallel, model_.kv_heads));
  const double narrow = model_.weight_bytes < 2 ? device_.fp8_efficiency : 1;
  dense_rate_ = bandwidth_ * device_.weight_efficiency * narrow;
  expert_rate_ = dense_rate_ * device_.expert_efficiency;
  kv_rate_ = bandwidth_ * device_.kv_efficiency;
  reduce_s_ = 2 * model_.layers * device_.part_reduce_exposed * part_reduce_s(device_, placement_.pes);
  for (size_t n = 1; n < unfused_.size(); ++n) unfused_[n] = 1 - std::pow(device_.fused_share, static_cast<double>(n - 1));
  if (device_.fused_share <= 0) unfused_[1] = 1;  // no fused graphs at all
}

double CostModel::idle_power_w() const { return device_.idle_w * placement_.units; }
int64_t CostModel::kv_capacity_tokens() const { return kv_capacity_; }
int CostModel::max_batch() const { return static_cast<int>(device_.max_batch); }
int64_t CostModel::max_prefill_tokens() const { return static_cast<int64_t>(device_.max_prefill_tokens); }
bool CostModel::prefill_alone() const { return device_.execution == Execution::kBuckets; }

}  // namespace ondol
