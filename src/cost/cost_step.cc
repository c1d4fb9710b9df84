// What a step takes: the terms of cost_model.h, added up. docs/cost.md has the formulas.
#include <algorithm>
#include <bit>
#include <cmath>

#include "cost/cost_model.h"

namespace ondol {
namespace {

constexpr int64_t kMaxSequences = 1 << 20;
constexpr int64_t kMaxTokens = int64_t{1} << 40;
// Contexts of a mixed batch are rounded up to a power of two each: by a third on the mean.
constexpr double kMixedPadding = 4.0 / 3;

// From how many rows on a pass costs its fixed time; a few rows do not show it (64 do, 8 do not).
constexpr double kPassRows = 64;

double& at(StepCost& cost, CostTerm term) { return cost.term_s[static_cast<size_t>(term)]; }

// The roofline with a rounded corner: near it neither stream hides the other entirely (the 64-token step of the RNGD is 8 % above both).
double rounded_max(double a, double b) {
  const double a2 = a * a, b2 = b * b;
  return std::sqrt(std::sqrt(a2 * a2 + b2 * b2));
}

int64_t decode_bucket(const DeviceProfile& device, int64_t sequences) {
  for (const DecodeBucket& bucket : device.decode_buckets) {
    if (bucket.batch >= sequences) return bucket.batch;
  }
  return sequences;
}

// The largest compiled batch for a context; 1 if none is wide enough.
int64_t widest_batch(const DeviceProfile& device, double context) {
  int64_t batch = 1;
  for (const DecodeBucket& bucket : device.decode_buckets) {
    if (static_cast<double>(bucket.widest_context) >= context) batch = std::max<int64_t>(batch, bucket.batch);
  }
  return batch;
}

double context_bucket(const DeviceProfile& device, double context) {
  const double tokens_needed = std::max({context, device.smallest_context, 1.0});
  if (device.context_step > 0) return std::ceil(tokens_needed / device.context_step) * device.context_step;
  const auto tokens = static_cast<uint64_t>(std::ceil(tokens_needed));
  return static_cast<double>(std::bit_ceil(tokens));
}

}  // namespace

double CostModel::experts_touched(double tokens) const {
  const double all = static_cast<double>(model_.experts);
  const double miss = 1 - static_cast<double>(model_.experts_per_token) / all;
  return all * (1 - std::pow(miss, tokens));  // what independent choices leave untouched
}

int64_t CostModel::token_bucket(int64_t tokens) const {
  for (const int64_t bucket : device_.token_buckets) {
    if (bucket >= tokens) return bucket;
  }
  return tokens;
}

// The matrix products of all layers. `padded`: rows that are computed; `tokens`: rows that mean something; `unfused`: share of steps
// that run kernel by kernel.
void CostModel::add_linear(int64_t padded, int64_t tokens, double unfused, StepCost& cost, Work& work) const {
  const double rows = static_cast<double>(padded);
  double bytes = dense_bytes_;
  double stream = dense_bytes_ / dense_rate_;
  double overhead = unfused * model_.layers * device_.kernel_overhead_s;
  if (model_.experts > 0) {
    const double expert_bytes = expert_bytes_ * experts_touched(static_cast<double>(tokens));
    bytes += expert_bytes;
    stream += expert_bytes / expert_rate_;
    overhead += model_.moe_layers() * device_.expert_overhead_s;
  }
  const double filled = std::min(1.0, rows / kPassRows);
  const double compute = filled * model_.layers * device_.pass_overhead_s + rows * dense_flops_ / (flops_ * device_.compute_efficiency);
  const double streamed = stream + overhead;
  const double both = rounded_max(streamed, compute);
  at(cost, streamed >= compute ? CostTerm::kWeights : CostTerm::kCompute) += both - std::min(overhead, both);
  at(cost, CostTerm::kOverhead) += std::min(overhead, both);
  work.bytes += bytes;
  work.flops += rows * dense_flops_ / flops_;
}

void CostModel::add_head(int64_t rows, StepCost& cost, Work& work) const {
  const double count = static_cast<double>(rows);
  at(cost, CostTerm::kHead) +=
      rounded_max(head_bytes_ / (bandwidth_ * device_.weight_efficiency), count * head_flops_ / (bf16_ * device_.compute_efficiency));
  work.bytes += head_bytes_;
  work.flops += count * head_flops_ / bf16_;
}

void CostModel::add_collectives(int64_t tokens, StepCost& cost) const {
  double seconds = reduce_s_;
  const double message = static_cast<double>(tokens) * static_cast<double>(model_.hidden) * 2;
  const int tp = placement_.tensor_parallel;
  if (tp > 1) {
    const double ring = 2.0 * (tp - 1) / tp * message / device_.link_bytes_per_s;
    seconds += 2 * model_.layers * (device_.unit_reduce_s + ring);
  }
  seconds += (placement_.pipeline_parallel - 1) * (device_.unit_reduce_s + message / device_.link_bytes_per_s);
  at(cost, CostTerm::kCollective) += seconds;
}

void CostModel::add_decode_attention(int64_t sequences, double mean, double longest, StepCost& cost, Work& work) const {
  const double count = static_cast<double>(sequences);
  double read = mean * count;  // tokens of a layer without a window
  double groups = 1;
  if (prefill_alone()) {
    const double bucket = context_bucket(device_, mean);
    if (context_bucket(device_, longest) > bucket) {
      groups = 1 + device_.attention_groups * (1 - 1 / count);
      read = std::max(mean * kMixedPadding, device_.smallest_context) * count;
    } else {
      // One padded group, or a compiled batch and the rest.
      const double padded = static_cast<double>(decode_bucket(device_, sequences));
      const double token_s = bucket * kv_token_bytes_ / kv_rate_;
      const bool split = (padded - count) * token_s > device_.attention_launch_s;
      groups = split ? 2 : 1;
      read = (split ? count : padded) * bucket;
    }
    groups = std::max(groups, std::ceil(count / static_cast<double>(widest_batch(device_, bucket))));
  }
  const double windowed = std::min(read, static_cast<double>(model_.window) * count);
  const double bytes = (model_.full_layers() * read + model_.windowed_layers * windowed) * kv_token_bytes_;
  at(cost, CostTerm::kAttention) += model_.layers * groups * device_.attention_launch_s;
  at(cost, CostTerm::kKvRead) += bytes / kv_rate_;
  work.bytes += bytes;
}

void CostModel::add_prefill_attention(int64_t tokens, int64_t context, StepCost& cost, Work& work) const {
  const double rows = static_cast<double>(tokens);
  const double seen = static_cast<double>(context) + rows / 2;
  const double windowed = std::min(seen, static_cast<double>(model_.window));
  const double pairs = rows * (model_.full_layers() * seen + model_.windowed_layers * windowed);
  const double flops = 4 * static_cast<double>(model_.heads * model_.head_dim) * pairs * share_;
  at(cost, CostTerm::kAttention) += model_.layers * device_.attention_launch_s + flops / (bf16_ * device_.attention_efficiency);
  work.flops += flops / bf16_;
}

void CostModel::add_mixed(const StepBatch& batch, int64_t decodes, StepCost& cost, Work& work) const {
  int64_t tokens = decodes;
  for (const PrefillPart& part : batch.prefills) {
    if (part.tokens <= 0) continue;
    tokens += std::min(part.tokens, kMaxTokens);
    add_prefill_attention(std::min(part.tokens, kMaxTokens), std::clamp<int64_t>(part.context, 0, kMaxTokens), cost, work);
  }
  if (tokens == 0) return;
  const int64_t sequences = decodes + static_cast<int64_t>(batch.prefills.size());
  add_linear(tokens, tokens, 1, cost, work);
  add_collectives(tokens, cost);
  add_head(sequences, cost, work);
  at(cost, CostTerm::kOverhead) += device_.step_overhead_s + static_cast<double>(sequences) * device_.sequence_overhead_s;
}

void CostModel::add_bucket_decodes(const StepBatch&, int64_t decodes, StepCost& cost, Work& work) const {
  const int64_t padded = decode_bucket(device_, decodes);
  const double unfused = decodes < static_cast<int64_t>(unfused_.size()) ? unfused_[static_cast<size_t>(decodes)] : 1;
  add_linear(padded, decodes, unfused, cost, work);
  add_collectives(padded, cost);
  add_head(padded, cost, work);
  at(cost, CostTerm::kOverhead) += device_.step_overhead_s + static_cast<double>(decodes) * device_.sequence_overhead_s;
}

// A prompt in pieces of the widest compiled size, the rest rounded up; the head once.
void CostModel::add_bucket_prefill(const PrefillPart& part, StepCost& cost, Work& work) const {
  const int64_t total = std::min(part.tokens, kMaxTokens);
  if (total <= 0) return;
  const int64_t piece = max_prefill_tokens();
  const int64_t context = std::clamp<int64_t>(part.context, 0, kMaxTokens);
  const int64_t whole = total / piece, rest = total % piece;
  const auto pass = [&](int64_t tokens, int64_t seen, double times) {
    StepCost once;
    Work done;
    add_linear(tokens, tokens, 1, once, done);
    add_collectives(tokens, once);
    add_prefill_attention(tokens, seen, once, done);
    at(once, CostTerm::kOverhead) += device_.step_overhead_s;
    for (size_t i = 0; i < once.term_s.size(); ++i) cost.term_s[i] += times * once.term_s[i];
    work.bytes += times * done.bytes;
    work.flops += times * done.flops;
  };
  // Attention is linear in what was seen, so the mean of the pieces stands for each of them.
  if (whole > 0) pass(piece, context + piece * (whole - 1) / 2, static_cast<double>(whole));
  if (rest > 0) pass(token_bucket(std::max(rest, int64_t{128})), context + whole * piece, 1);
  add_head(1, cost, work);
}

double CostModel::power_w(const Work& work, double seconds) const {
  if (seconds <= 0) return idle_power_w();
  const double memory = std::min(1.0, work.bytes / (bandwidth_ * seconds));
  const double compute = std::min(1.0, work.flops / seconds);
  const double whole = std::min(device_.cap_w, device_.serving_w + device_.memory_w * memory + device_.compute_w * compute);
  const double parts = device_.parts > 1 ? placement_.pes / device_.parts : 1;
  return placement_.units * (device_.idle_w + std::max(0.0, whole - device_.idle_w) * parts);
}

StepCost CostModel::step(const StepBatch& batch) const {
  StepCost cost;
  Work work;
  const int pp = placement_.pipeline_parallel;
  // With a pipeline the sequences go round in as many groups as there are stages; a step is one round of them all.
  const int64_t all = std::clamp<int64_t>(batch.decodes, 0, kMaxSequences);
  const int64_t decodes = (all + pp - 1) / pp;
  if (decodes > 0) {
    const double mean =
        std::clamp(static_cast<double>(batch.decode_context) / static_cast<double>(all), 0.0, static_cast<double>(kMaxTokens));
    add_decode_attention(decodes, mean, std::clamp(static_cast<double>(batch.longest_context), mean, static_cast<double>(kMaxTokens)), cost,
                         work);
  }
  if (prefill_alone()) {
    if (decodes > 0) add_bucket_decodes(batch, decodes, cost, work);
    for (const PrefillPart& part : batch.prefills) add_bucket_prefill(part, cost, work);
  } else {
    add_mixed(batch, decodes, cost, work);
  }
  for (const double term : cost.term_s) cost.seconds += term;
  const auto largest = std::ranges::max_element(cost.term_s);
  cost.bound = cost.seconds > 0 ? static_cast<CostTerm>(largest - cost.term_s.begin()) : CostTerm::kOverhead;
  cost.power_w = power_w(work, cost.seconds);
  return cost;
}

StepCost CostModel::decode(int sequences, int64_t context) const {
  const int64_t count = std::clamp<int64_t>(sequences, 0, kMaxSequences);
  const int64_t tokens = std::clamp<int64_t>(context, 0, kMaxTokens);
  return step({.decodes = static_cast<int>(count), .decode_context = count * tokens, .longest_context = tokens, .prefills = {}});
}

StepCost CostModel::prefill(int64_t tokens, int64_t context) const {
  const PrefillPart part{.tokens = tokens, .context = context};
  return step({.decodes = 0, .decode_context = 0, .longest_context = 0, .prefills = {&part, 1}});
}

}  // namespace ondol
