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
  follow(idle_, "ondol_idle_energy_joules_total", "Energy that no request had a part in.", device, totals.idle_j);
  follow(metered_, "ondol_metered_energy_joules_total", "Energy that was shared among requests, those in progress too, and idle.", device,
         totals.device_j);
}

void EnergyMetrics::follow(std::map<std::string, Sum>& sums, const char* name, const char* help, const std::string& device,
                           double total_j) {
  if (sums.size() >= kMaxSeries && !sums.contains(device)) return;
  Sum& sum = sums[device];
  if (sum.counter == nullptr) sum.counter = &registry_.counter(name, help, {{"device", device}});
  sum.follow(total_j);
}

void EnergyMetrics::update_idle(const std::string& device, const std::map<std::string, double>& shares) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [model, energy_j] : shares) {
    if (idle_shares_.size() >= kMaxSeries && !idle_shares_.contains({model, device})) continue;
    Sum& share = idle_shares_[{model, device}];
    if (share.counter == nullptr) {
      share.counter = &registry_.counter("ondol_idle_share_joules_total", "Idle energy, by the models in memory meanwhile.",
                                         {{"model", model}, {"device", device}});
    }
    share.follow(energy_j);
  }
}

}  // namespace ondol
