#include "cost/calibrate.h"

#include <algorithm>
#include <cmath>

#include "cost/published.h"

namespace ondol {
namespace {

constexpr int kRounds = 400;

// Squared logarithm of a ratio, growing only linearly where the ratio is far off: one odd measurement must not bend the rest.
double loss(double predicted, double measured) {
  constexpr double kKnee = 0.3;
  const double off = std::abs(std::log(predicted / measured));
  return off < kKnee ? off * off : kKnee * (2 * off - kKnee);
}

double predict(const CostModel& model, const CalibrationRow& row, double& power) {
  const PrefillPart part{.tokens = row.prefill_tokens, .context = 0};
  const bool linear = row.kind == CalibrationRow::Kind::kLinear;
  const StepCost cost =
      linear ? (row.prefill_tokens > 256 ? model.prefill(row.prefill_tokens) : model.decode(static_cast<int>(row.prefill_tokens), 1))
             : model.step({.decodes = row.batch,
                           .decode_context = row.batch * row.context,
                           .longest_context = row.context,
                           .prefills = {&part, row.prefill_tokens > 0 ? size_t{1} : size_t{0}}});
  power = cost.power_w;
  if (row.kind == CalibrationRow::Kind::kStep) return cost.seconds;
  const auto term = [&](CostTerm which) { return cost.term_s[static_cast<size_t>(which)]; };
  const double attention = term(CostTerm::kAttention) + term(CostTerm::kKvRead);
  if (!linear) return attention / model.model().layers;
  return (cost.seconds - attention - term(CostTerm::kHead) - model.device().step_overhead_s) / model.model().layers;
}

// Which constants a set of rows says anything about.
std::vector<std::string> told_by(const DeviceProfile& device, const ModelShape& model, const std::vector<CalibrationRow>& rows) {
  const auto any = [&](auto test) { return std::ranges::any_of(rows, test); };
  using Row = CalibrationRow;
  const auto several = [&](auto key) { return any([&](const Row& row) { return key(row) != key(rows.front()); }); };
  std::vector<std::string> fields;
  const bool small = any([](const Row& row) { return row.kind == Row::Kind::kLinear ? row.prefill_tokens <= 256 : row.batch > 0; });
  const bool large = any([](const Row& row) { return row.prefill_tokens > 256; });
  if (small) fields.emplace_back("weight_efficiency");
  if (small && model.experts > 0) fields.emplace_back("expert_efficiency");
  if (small && any([](const Row& row) { return row.batch > 1 || row.prefill_tokens > 1; })) fields.emplace_back("kernel_overhead_s");
  if (large) fields.emplace_back("compute_efficiency");
  if (several([](const Row& row) { return row.batch * row.context; })) fields.emplace_back("kv_efficiency");
  if (device.attention_launch_s > 0 && any([](const Row& row) { return row.kind != Row::Kind::kLinear && row.batch > 0; })) {
    fields.emplace_back("attention_launch_s");
  }
  if (any([](const Row& row) { return row.kind == Row::Kind::kStep && row.batch > 0; })) {
    fields.emplace_back("step_overhead_s");
    if (several([](const Row& row) { return row.batch; })) fields.emplace_back("sequence_overhead_s");
  }
  if (any([](const Row& row) { return row.power_w.has_value(); })) fields.insert(fields.end(), {"serving_w", "memory_w", "compute_w"});
  return fields;
}

std::vector<std::string> published_fields(const DeviceProfile& device) {
  if (device.execution == Execution::kBuckets) {
    return {"weight_efficiency", "compute_efficiency",  "kv_efficiency", "kernel_overhead_s", "attention_launch_s",
            "step_overhead_s",   "sequence_overhead_s", "serving_w",     "memory_w",          "compute_w"};
  }
  return {"weight_efficiency", "fp8_efficiency",  "expert_efficiency",   "compute_efficiency",
          "kv_efficiency",     "step_overhead_s", "sequence_overhead_s", "kernel_overhead_s",
          "expert_overhead_s", "unit_reduce_s",   "serving_w",           "memory_w",
          "compute_w"};
}

}  // namespace

Fit fit_profile(const DeviceProfile& start, const std::vector<std::string>& fields, const FitError& error) {
  Fit fit{start, fields, std::sqrt(error(start)), 0};
  double best = error(start);
  double step = 0.25;
  for (int round = 0; round < kRounds && step > 0.002; ++round) {
    bool better = false;
    for (const std::string& name : fields) {
      const ProfileField* field = profile_field(name);
      if (field == nullptr) continue;
      // Efficiencies stay below the peak: above it they would only hide another term.
      const double most = name.ends_with("_efficiency") ? std::min(field->max, 0.98) : field->max;
      for (const double factor : {1 + step, 1 / (1 + step)}) {
        DeviceProfile tried = fit.profile;
        double& value = tried.*field->value;
        value = std::clamp(value > 0 ? value * factor : (factor > 1 ? 1e-6 : 0), field->min, most);
        const double now = error(tried);
        if (!(now < best)) continue;
        best = now;
        fit.profile = tried;
        better = true;
        break;
      }
    }
    if (!better) step /= 2;
  }
  fit.error_after = std::sqrt(best);
  return fit;
}

Result<Fit> calibrate(const DeviceProfile& start, const ModelShape& model, const Placement& placement,
                      const std::vector<CalibrationRow>& rows) {
  if (rows.empty()) return fail(Code::kInvalidArgument, "no measurements to fit to");
  if (const Result<CostModel> fits = CostModel::make(start, model, placement); !fits) return std::unexpected(fits.error());
  const FitError error = [&](const DeviceProfile& profile) {
    const Result<CostModel> made = CostModel::make(profile, model, placement);
    if (!made) return 1e9;
    double sum = 0;
    for (const CalibrationRow& row : rows) {
      double power = 0;
      sum += loss(predict(*made, row, power), row.seconds);
      if (row.power_w) sum += loss(power, *row.power_w);
    }
    return sum / static_cast<double>(rows.size());
  };
  Fit fit = fit_profile(start, told_by(start, model, rows), error);
  fit.profile.source =
      "calibrated from " + std::to_string(rows.size()) + " measurements of " + model.name + "; started from: " + start.source;
  return fit;
}

Result<Fit> calibrate_published(const DeviceProfile& start) {
  std::vector<PublishedRow> rows = all_published();
  std::erase_if(rows, [&](const PublishedRow& row) {
    // Time to first token and energy follow from the others.
    return row.device != start.name || !row.fitted || row.quantity == Quantity::kTtftMs || row.quantity == Quantity::kJoulesPerToken;
  });
  if (rows.empty()) return fail(Code::kNotFound, "no published measurement of " + quoted(start.name) + " is marked for fitting");
  const FitError error = [&](const DeviceProfile& profile) {
    double sum = 0;
    for (const PublishedRow& row : rows) {
      const Result<double> predicted = predict_published(row, &profile);
      sum += predicted ? loss(*predicted, row.value) : 10;
    }
    return sum / static_cast<double>(rows.size());
  };
  return fit_profile(start, published_fields(start), error);
}

}  // namespace ondol
