#include "gateway/engine_meter.h"

#include <algorithm>
#include <utility>

namespace ondol {

EngineMeter::EngineMeter(MeteredDevice device, uint16_t engine, const ModelSpec& spec) : device_(std::move(device)), engine_(engine) {
  const double hidden = spec.hidden, attention = hidden * (2.0 * spec.q_width() + 2.0 * spec.kv_width());
  double weights = 0;
  for (const LayerSpec& layer : spec.layers) {
    weights += attention;
    const double ffn = layer.moe ? spec.moe.top_k * spec.moe.expert_ffn + spec.moe.shared_ffn : spec.ffn;
    weights += 3.0 * hidden * ffn;
    (layer.window > 0 ? window_ops_ : full_ops_) += 4.0 * spec.q_width();
    window_ = std::max(window_, static_cast<double>(layer.window));
  }
  token_ops_ = 2.0 * weights;
}

void EngineMeter::step(const StepReport& report) {
  for (const StepShare& share : report.shares) {
    const double rows = share.rows, context = static_cast<double>(share.context) + (rows + 1) / 2;  // on average over the rows
    const double attention = full_ops_ * context + window_ops_ * std::min(context, window_);
    device_.meter->work(account_of(share.id), report.begin_us, report.end_us, rows * (token_ops_ + attention));
  }
}

UsageReport EngineMeter::finish(uint64_t id, const std::string& model, const Usage& usage, int64_t queue_us) {
  device_.settle();
  const EnergyAccount energy = device_.meter->finish(account_of(id));
  if (device_.metrics != nullptr) device_.metrics->request(model, device_.name, energy.energy_j);
  return usage_report(*device_.prices, {.model = model,
                                        .device = device_.name,
                                        .energy = energy,
                                        .queue_us = queue_us,
                                        .input_tokens = usage.prompt_tokens,
                                        .output_tokens = usage.completion_tokens});
}

}  // namespace ondol
