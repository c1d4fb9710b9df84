#include "meter/energy_metrics.h"

#include <cmath>
#include <cstdint>

namespace ondol {

void EnergyMetrics::Sum::add(double energy_j) {
  if (!(energy_j > 0) || energy_j > 1e15) return;
  left_j += energy_j;
  const double whole_j = std::floor(left_j);
  counter->add(static_cast<uint64_t>(whole_j));
  left_j -= whole_j;
}

void EnergyMetrics::Sum::follow(double total_j) {
  add(total_j >= seen_j ? total_j - seen_j : total_j);  // less than before: a new meter
  seen_j = total_j;
}

EnergyMetrics::Sum& EnergyMetrics::request_sum(std::string model, std::string device) {
  if (requests_.size() >= kMaxSeries && !requests_.contains({model, device})) model = device = "(other)";
  Sum& sum = requests_[{model, device}];
  if (sum.counter == nullptr) {
    sum.counter = &registry_.counter("ondol_request_energy_joules_total", "Energy of the requests that have ended.",
                                     {{"model", std::move(model)}, {"device", std::move(device)}});
  }
  return sum;
}

void EnergyMetrics::request(const std::string& model, const std::string& device, double energy_j) {
  const std::scoped_lock lock(mutex_);
  request_sum(model, device).add(energy_j);
}

void EnergyMetrics::update(const std::string& device, const MeterTotals& totals) {
  const std::scoped_lock lock(mutex_);
  request_sum("(unclaimed)", device).follow(totals.unclaimed_j);
  if (idle_.size() >= kMaxSeries && !idle_.contains(device)) return;
  Sum& idle = idle_[device];
  if (idle.counter == nullptr) {
    idle.counter = &registry_.counter("ondol_idle_energy_joules_total", "Energy that no request had a part in.", {{"device", device}});
  }
  idle.follow(totals.idle_j);
}

}  // namespace ondol
