#include "meter/usage.h"

#include <cmath>
#include <limits>

namespace ondol {
namespace {

constexpr double kJoulesPerKwh = 3.6e6;
constexpr double kSecondsPerHour = 3600;
constexpr MicroWon kMost = std::numeric_limits<MicroWon>::max();

MicroWon rounded(double amount) {
  if (!(amount > -9.2e18)) return std::isnan(amount) ? 0 : -kMost;
  return amount < 9.2e18 ? std::llround(amount) : kMost;
}

MicroWon added(MicroWon a, MicroWon b) {
  MicroWon sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? (a > 0 ? kMost : -kMost) : sum;
}

// `count` things of which a million cost `per_million`, to the nearest millionth of a won.
MicroWon of_million(int64_t count, MicroWon per_million) {
  if (count <= 0) return 0;
  MicroWon product = 0;
  if (__builtin_mul_overflow(count, per_million, &product))
    return rounded(static_cast<double>(count) * 1e-6 * static_cast<double>(per_million));
  return added(product, product >= 0 ? 500'000 : -500'000) / 1'000'000;
}

double at_least_0(double value) { return value > 0 ? value : 0; }

}  // namespace

MicroWon micro_won(double won) { return rounded(won * 1e6); }
double won(MicroWon amount) { return static_cast<double>(amount) * 1e-6; }

std::optional<MicroWon> price(const PriceTable& table, const RequestUse& use) {
  if (const auto tokens = table.tokens.find(use.model); tokens != table.tokens.end()) {
    return added(of_million(use.input_tokens, tokens->second.input_per_million),
                 of_million(use.output_tokens, tokens->second.output_per_million));
  }
  std::optional<MicroWon> cost;
  if (table.electricity_per_kwh) {
    const double kwh = at_least_0(use.energy.energy_j) * table.pue / kJoulesPerKwh;
    cost = rounded(kwh * static_cast<double>(*table.electricity_per_kwh));
  }
  if (const auto hour = table.device_hour.find(use.device); hour != table.device_hour.end()) {
    const double hours = at_least_0(use.energy.device_s) / kSecondsPerHour;
    cost = added(cost.value_or(0), rounded(hours * static_cast<double>(hour->second)));
  }
  return cost;
}

std::optional<double> co2_g(const PriceTable& table, double energy_j) {
  if (!table.grid_g_per_kwh) return std::nullopt;
  return at_least_0(energy_j) * table.pue / kJoulesPerKwh * *table.grid_g_per_kwh;
}

UsageReport usage_report(const PriceTable& table, const RequestUse& use) {
  return {.energy_j = use.energy.energy_j,
          .energy_source = energy_source_name(use.energy.source),
          .device = use.device,
          .device_seconds = use.energy.device_s,
          .queue_ms = static_cast<double>(use.queue_us) * 1e-3,
          .cost = price(table, use),
          .co2_g = co2_g(table, use.energy.energy_j)};
}

}  // namespace ondol
